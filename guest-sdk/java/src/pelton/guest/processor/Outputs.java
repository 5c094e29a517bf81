package pelton.guest.processor;

import java.util.ArrayList;
import java.util.List;
import javax.lang.model.element.AnnotationMirror;
import javax.lang.model.element.Element;
import javax.lang.model.element.Modifier;
import javax.lang.model.element.TypeElement;
import javax.lang.model.type.DeclaredType;
import javax.lang.model.type.TypeKind;
import javax.lang.model.type.TypeMirror;

/** What an operator makes: nothing, rows of a record, or those of the records that a sealed interface permits. */
final class Outputs {
    private static final String PORT = "pelton.guest.Port";
    private static final String VARIABLE = "makes";

    /** The type of what is made; null if nothing is. */
    final String type;
    /** {@code "makes":…} or {@code "ports":…}. */
    final String json;
    private final List<Shapes.Shape> shapes = new ArrayList<>();

    Outputs(TypeMirror type, Shapes shapes, Element element) {
        if (type == null) {
            this.type = null;
            json = "\"makes\":[]";
            return;
        }
        this.type = Annotated.qualified(type);
        if (Shapes.record(type) != null) {
            Shapes.Shape shape = shapes.of(type, null, element);
            this.shapes.add(shape);
            json = "\"makes\":" + shape.json();
            return;
        }
        TypeElement sealed = type.getKind() == TypeKind.DECLARED ? (TypeElement) ((DeclaredType) type).asElement() : null;
        if (sealed == null || !sealed.getModifiers().contains(Modifier.SEALED)) {
            throw new Mistake("`" + type + "` is neither a record of columns nor a sealed interface of several", element);
        }
        List<String> ports = new ArrayList<>();
        for (TypeMirror permitted : sealed.getPermittedSubclasses()) {
            Shapes.Shape shape = shapes.of(permitted, null, sealed);
            this.shapes.add(shape);
            ports.add(port((TypeElement) ((DeclaredType) permitted).asElement(), shape));
        }
        json = "\"ports\":" + Json.list(ports);
    }

    private static String port(TypeElement record, Shapes.Shape shape) {
        String simple = record.getSimpleName().toString();
        String name = Annotated.text(record, PORT, Character.toLowerCase(simple.charAt(0)) + simple.substring(1));
        List<String> said = new ArrayList<>(List.of("\"name\":" + Json.text(name), "\"makes\":" + shape.json()));
        AnnotationMirror port = Annotated.find(record, PORT);
        if (port != null) {
            said.addAll(Annotated.passing(port));
            String time = Annotated.text(port, "eventTime");
            if (!time.isEmpty()) said.add("\"eventTime\":" + Json.text(time));
        }
        return "{" + String.join(",", said) + "}";
    }

    /** A statement that puts {@code made}, which is not null. */
    String put(String made) {
        return VARIABLE + ".put(" + made + ", sink);";
    }

    String variable() {
        if (type == null) throw new IllegalStateException("nothing is made");
        return VARIABLE;
    }

    String source() {
        if (type == null) return "";
        StringBuilder puts = new StringBuilder();
        if (shapes.size() == 1) {
            puts.append("            %s.write(made, sink.row(0, made));\n".formatted(shapes.get(0).variable()));
        } else {
            for (int at = 0; at < shapes.size(); at++) {
                Shapes.Shape shape = shapes.get(at);
                String test = at == shapes.size() - 1 ? "" : "if (made instanceof %s of%d) ".formatted(shape.type(), at);
                String of = at == shapes.size() - 1 ? "(%s) made".formatted(shape.type()) : "of" + at;
                puts.append("            %s%s%s.write(%s, sink.row(%d, made));\n".formatted(at == 0 ? "" : "else ", test, shape.variable(), of, at));
            }
        }
        return """

                private final class MakesOf extends Makes<%1$s> {
                    @Override
                    public void put(%1$s made, Sink sink) {
            %2$s        }
                }

                private final MakesOf %3$s = new MakesOf();
            """.formatted(type, puts, VARIABLE);
    }
}
