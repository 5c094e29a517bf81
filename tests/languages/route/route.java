import java.util.ArrayList;
import java.util.List;
import pelton.guest.Pass;
import pelton.guest.Port;
import pelton.guest.Reject;
import pelton.guest.Rename;
import pelton.guest.Transform;

/** The words of a line, its numbers and empty lines, each by an output of its own; a line with {@code !} is refused as a whole. */
final class Route {
    record Line(String line) {}

    sealed interface Part permits Number, Word, Blank {}

    @Port("numbers")
    record Number(long n) implements Part {}

    @Port(value = "words", passes = "id", rename = @Rename(from = "id", to = "row"))
    record Word(String word, int place) implements Part {}

    @Port(value = "blanks", passes = Pass.ALL)
    record Blank() implements Part {}

    @Transform(drop = "line")
    static List<Part> route(Line row) {
        List<Part> parts = new ArrayList<>();
        if (row.line().isEmpty()) parts.add(new Blank());
        int place = 0;
        for (String token : row.line().split(" ")) {
            if (token.isEmpty()) continue;
            if (token.equals("!")) throw new Reject("`" + row.line() + "` is a shout");
            parts.add(token.chars().allMatch(letter -> letter >= '0' && letter <= '9') ? new Number(Long.parseLong(token)) : new Word(token, place));
            place++;
        }
        return parts;
    }
}
