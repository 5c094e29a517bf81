package pelton.guest.processor;

import java.util.List;
import java.util.stream.Collectors;

/** Texts of JSON. */
final class Json {
    private Json() {}

    static String text(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            if (letter == '"' || letter == '\\') json.append('\\').append(letter);
            else if (letter < ' ') json.append(String.format("\\u%04x", (int) letter));
            else json.append(letter);
        }
        return json.append('"').toString();
    }

    static String list(List<String> values) {
        return "[" + String.join(",", values) + "]";
    }

    static String texts(List<String> texts) {
        return texts.stream().map(Json::text).collect(Collectors.joining(",", "[", "]"));
    }

    /** As a literal of Java's. */
    static String literal(String text) {
        return text(text);
    }
}
