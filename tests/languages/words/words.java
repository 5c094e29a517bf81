import java.util.ArrayList;
import java.util.List;
import pelton.guest.Reject;
import pelton.guest.Transform;

/** Words of a line with their places; drops the line. */
final class Words {
    record Line(String line) {}

    record Word(String word, int place) {}

    @Transform(drop = "line")
    static List<Word> words(Line row) {
        if (row.line().endsWith("?")) throw new Reject("`" + row.line() + "` is a question");
        List<Word> words = new ArrayList<>();
        for (String word : row.line().split(" ")) if (!word.isEmpty()) words.add(new Word(word, words.size()));
        return words;
    }
}
