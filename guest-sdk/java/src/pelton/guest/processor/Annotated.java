package pelton.guest.processor;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.lang.model.element.AnnotationMirror;
import javax.lang.model.element.AnnotationValue;
import javax.lang.model.element.Element;
import javax.lang.model.element.TypeElement;
import javax.lang.model.type.DeclaredType;
import javax.lang.model.type.TypeMirror;

/** What annotations say. */
final class Annotated {
    private Annotated() {}

    /** The name of a declared type, without arguments; of others what they print as. */
    static String qualified(TypeMirror type) {
        if (type instanceof DeclaredType declared) return ((TypeElement) declared.asElement()).getQualifiedName().toString();
        return type.toString();
    }

    static AnnotationMirror find(Element element, String name) {
        return element.getAnnotationMirrors().stream().filter(of -> qualified(of.getAnnotationType()).equals(name)).findFirst().orElse(null);
    }

    static boolean has(Element element, String name) {
        return find(element, name) != null;
    }

    /** Whether there is an annotation of this simple name, on the element or its type. */
    static boolean isNamed(Element element, TypeMirror type, String simple) {
        return Stream.concat(element.getAnnotationMirrors().stream(), type.getAnnotationMirrors().stream())
            .anyMatch(of -> of.getAnnotationType().asElement().getSimpleName().contentEquals(simple));
    }

    static Object value(AnnotationMirror of, String key) {
        for (Map.Entry<?, ? extends AnnotationValue> entry : of.getElementValues().entrySet()) {
            if (entry.getKey().toString().equals(key + "()")) return entry.getValue().getValue();
        }
        return null;
    }

    /** The {@code value} of an annotation. */
    static String text(Element element, String name, String otherwise) {
        AnnotationMirror found = find(element, name);
        Object text = found == null ? null : value(found, "value");
        return text == null || text.equals("") ? otherwise : text.toString();
    }

    static String text(AnnotationMirror of, String key) {
        Object text = value(of, key);
        return text == null ? "" : text.toString();
    }

    /** Null if it is not said. */
    static List<String> texts(AnnotationMirror of, String key) {
        if (!(value(of, key) instanceof List<?> values)) return null;
        List<String> texts = new ArrayList<>();
        for (Object value : values) texts.add(((AnnotationValue) value).getValue().toString());
        return texts;
    }

    static Map<String, String> renames(AnnotationMirror of) {
        Map<String, String> renames = new TreeMap<>();
        if (value(of, "rename") instanceof List<?> values) {
            for (Object value : values) {
                AnnotationMirror one = (AnnotationMirror) ((AnnotationValue) value).getValue();
                renames.put(text(one, "from"), text(one, "to"));
            }
        }
        return renames;
    }

    /** {@code "passes":…,"drop":…,"rename":…}, as far as it is said. */
    static List<String> passing(AnnotationMirror of) {
        List<String> said = new ArrayList<>();
        List<String> passes = texts(of, "passes");
        if (passes != null && passes.size() == 1 && passes.get(0).startsWith("*")) said.add("\"passes\":" + Json.text(passes.get(0).substring(1)));
        else if (passes != null) said.add("\"passes\":" + Json.texts(passes));
        List<String> drop = texts(of, "drop");
        if (drop != null) said.add("\"drop\":" + Json.texts(drop));
        Map<String, String> renames = renames(of);
        if (!renames.isEmpty()) {
            List<String> pairs = renames.entrySet().stream().map(one -> Json.text(one.getKey()) + ":" + Json.text(one.getValue())).toList();
            said.add("\"rename\":{" + String.join(",", pairs) + "}");
        }
        return said;
    }
}
