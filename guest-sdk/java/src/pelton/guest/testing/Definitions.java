package pelton.guest.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the harness looks up in the definition that the processor wrote. */
final class Definitions {
    private static final Pattern LOOKUP = Pattern.compile("\\{\"name\":\"([^\"]*)\",\"reads\":");

    private Definitions() {}

    static List<String> lookups(String definition) {
        List<String> names = new ArrayList<>();
        int start = definition.indexOf("\"lookups\":");
        Matcher found = LOOKUP.matcher(start < 0 ? "" : definition.substring(start));
        while (found.find()) names.add(found.group(1));
        return names;
    }

    static boolean retracts(String definition) {
        return definition.contains("\"retracts\":true");
    }
}
