package guest

import (
	"fmt"
	"strings"
)

// suggest is a sentence that names the nearest of names, or lists them when none is near.
func suggest(wanted string, names []string) string {
	best, least := "", -1
	for _, name := range names {
		edits := distance(strings.ToLower(wanted), strings.ToLower(name))
		if edits <= (max(len(wanted), len(name))+2)/3 && (least < 0 || edits < least) {
			best, least = name, edits
		}
	}
	const shownMax = 20
	switch {
	case least >= 0:
		return fmt.Sprintf("did you mean `%s`?", best)
	case len(names) == 0:
		return "there are none"
	case len(names) == 1:
		return fmt.Sprintf("there is `%s`", names[0])
	case len(names) > shownMax:
		return fmt.Sprintf("there is `%s` and %d more", strings.Join(names[:shownMax], "`, `"), len(names)-shownMax)
	}
	last := len(names) - 1
	return fmt.Sprintf("there is `%s` and `%s`", strings.Join(names[:last], "`, `"), names[last])
}

// distance is Levenshtein's: the letters to insert, delete or replace.
func distance(left, right string) int {
	row := make([]int, len(right)+1)
	for i := range row {
		row[i] = i
	}
	for line := range len(left) {
		diagonal := row[0]
		row[0] = line + 1
		for i := range len(right) {
			replaced := diagonal
			if left[line] != right[i] {
				replaced++
			}
			diagonal = row[i+1]
			row[i+1] = min(replaced, row[i+1]+1, row[i]+1)
		}
	}
	return row[len(right)]
}
