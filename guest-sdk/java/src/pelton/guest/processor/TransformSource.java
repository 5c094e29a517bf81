package pelton.guest.processor;

import java.util.ArrayList;
import java.util.List;
import javax.lang.model.element.AnnotationMirror;
import javax.lang.model.element.ElementKind;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.TypeElement;
import javax.lang.model.element.VariableElement;

/** Of a transform. */
final class TransformSource extends Source {
    private static final String LOOKUP = "pelton.guest.Lookup";
    private static final String TAKES = "a record of columns, one with `@Options`, a `Context`, and by its name what a `@Lookup` method makes";

    private final ExecutableElement method;
    private final AnnotationMirror annotation;

    TransformSource(TypeElement author, ExecutableElement method, AnnotationMirror annotation) {
        super(author);
        this.method = method;
        this.annotation = annotation;
    }

    @Override
    String kind() {
        return "transform";
    }

    @Override
    String parent() {
        return "TransformOperator";
    }

    @Override
    String members() {
        checkMethod(method);
        passing(annotation);
        List<ExecutableElement> lookups = author.getEnclosedElements().stream()
            .filter(of -> of.getKind() == ElementKind.METHOD && Annotated.has(of, LOOKUP)).map(of -> (ExecutableElement) of).toList();
        Shapes.Shape reads = null;
        List<String> arguments = new ArrayList<>();
        for (VariableElement parameter : method.getParameters()) {
            String common = common(parameter.asType(), "context");
            if (common != null) {
                arguments.add(common);
            } else if (lookups.stream().anyMatch(of -> of.getSimpleName().equals(parameter.getSimpleName()))) {
                arguments.add("lookup_" + parameter.getSimpleName());
            } else if (reads == null && Shapes.record(parameter.asType()) != null) {
                reads = shapes.of(parameter.asType(), null, parameter);
                arguments.add(reads.variable() + ".read(row)");
            } else {
                throw strange(parameter, TAKES);
            }
        }
        if (reads == null) throw new Mistake("a transform takes a record of the columns that it reads", method);
        definition.add("\"reads\":" + reads.json());
        return row(arguments) + lookups(lookups);
    }

    private String row(List<String> arguments) {
        Returned made = Returned.by(method, call(method, arguments), shapes, "a transform");
        definition.add(made.outputs().json);
        return """

                @Override
                public boolean isWhole() {
                    return false;
                }

                @Override
                public void whole(WholeColumns read, WholeColumns made, Rows rows) {
                    throw new IllegalStateException("row by row");
                }

                @Override
                public void row(In row, Context context, Sink sink) {
                    %s
                }
            """.formatted(made.body()) + made.outputs().source();
    }

    private String lookups(List<ExecutableElement> lookups) {
        List<String> parts = new ArrayList<>();
        StringBuilder fields = new StringBuilder();
        StringBuilder shapesOf = new StringBuilder();
        StringBuilder loads = new StringBuilder();
        for (int at = 0; at < lookups.size(); at++) {
            ExecutableElement lookup = lookups.get(at);
            checkMethod(lookup);
            String name = lookup.getSimpleName().toString();
            if (lookup.getParameters().size() != 1 || !Annotated.qualified(lookup.getParameters().get(0).asType()).equals("java.util.List")) {
                throw new Mistake("`" + name + "` takes one `List`, of records of the table's columns", lookup);
            }
            Shapes.Shape shape = shapes.of(argument(lookup.getParameters().get(0), 0), null, lookup);
            parts.add("{\"name\":" + Json.text(Annotated.text(lookup, LOOKUP, name)) + ",\"reads\":" + shape.json() + "}");
            fields.append("\n    private ").append(lookup.getReturnType()).append(" lookup_").append(name).append(";\n");
            shapesOf.append("        if (at == ").append(at).append(") return ").append(shape.variable()).append(";\n");
            loads.append("        if (at == %d) lookup_%s = %s;\n".formatted(at, name, call(lookup, List.of("(List<" + shape.type() + ">) rows"))));
        }
        definition.add("\"lookups\":" + Json.list(parts));
        return fields + """

                @Override
                public Shape<?> lookup(int at) {
            %s        throw new IllegalStateException("no table");
                }

                @Override
                public void load(int at, List<?> rows) {
            %s    }
            """.formatted(shapesOf, loads);
    }
}
