package pelton.guest.processor;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import javax.lang.model.element.AnnotationMirror;
import javax.lang.model.element.ElementKind;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.TypeElement;
import javax.lang.model.element.VariableElement;
import javax.lang.model.type.DeclaredType;
import javax.lang.model.type.TypeKind;
import javax.lang.model.type.TypeMirror;

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
        TypeMirror answer = method.getReturnType();
        String call = call(method, arguments);
        String body;
        Outputs outputs;
        if (answer.getKind() == TypeKind.BOOLEAN) {
            outputs = new Outputs(null, shapes, method);
            body = "if (%s) sink.row(0, null);".formatted(call);
        } else if (answer.getKind() == TypeKind.VOID) {
            throw new Mistake("a transform returns what leaves: a record, `boolean`, a `List` of records, or a sealed interface of several", method);
        } else if (many(answer) == null) {
            outputs = new Outputs(answer, shapes, method);
            body = "%s made = %s;\n        if (made != null) %s".formatted(outputs.type, call, outputs.put("made"));
        } else {
            TypeMirror one = ((DeclaredType) answer).getTypeArguments().get(0);
            outputs = new Outputs(one, shapes, method);
            body = "%s made = %s;\n        if (made != null) for (%s one : %s) %s".formatted(
                answer, call, outputs.type, many(answer).formatted("made", outputs.type), outputs.put("one"));
        }
        definition.add(outputs.json);
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
            """.formatted(body) + outputs.source();
    }

    /** How what is many is gone through, once all of it is made; null if the type is one. */
    private static String many(TypeMirror type) {
        if (!(type instanceof DeclaredType declared) || declared.getTypeArguments().size() != 1) return null;
        String name = Annotated.qualified(type);
        if (name.equals("java.util.stream.Stream")) return "%s.toList()";
        if (name.equals("java.util.Optional")) return "%s.stream().toList()";
        if (Set.of("java.util.List", "java.util.Collection", "java.util.ArrayList", "java.util.Set").contains(name)) return "%s";
        return null;
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
