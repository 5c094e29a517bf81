package pelton.guest.processor;

import java.util.ArrayList;
import java.util.List;
import javax.lang.model.element.AnnotationMirror;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.RecordComponentElement;
import javax.lang.model.element.TypeElement;
import javax.lang.model.element.VariableElement;
import javax.lang.model.type.TypeKind;

/** Of a transform of whole columns. */
final class WholeSource extends Source {
    private static final String TAKES =
        "a record of columns that are read, one of columns that are made, `Rows`, and a record with `@Options`";

    private final ExecutableElement method;
    private final AnnotationMirror annotation;
    private List<Field> reads;
    private List<Field> makes;

    WholeSource(TypeElement author, ExecutableElement method, AnnotationMirror annotation) {
        super(author);
        this.method = method;
        this.annotation = annotation;
    }

    /** Whether a method takes a record of whole columns. */
    static boolean is(ExecutableElement method) {
        return method.getParameters().stream().anyMatch(parameter -> fields(parameter) != null);
    }

    /** The columns of a record; null if it is none of whole columns. */
    private static List<Field> fields(VariableElement parameter) {
        TypeElement record = Shapes.record(parameter.asType());
        if (record == null || record.getRecordComponents().isEmpty()) return null;
        List<Field> fields = new ArrayList<>();
        for (RecordComponentElement component : record.getRecordComponents()) {
            Field field = Field.whole(component.getSimpleName().toString(), component.asType(), component);
            if (field == null && fields.isEmpty()) return null;
            if (field == null) throw new Mistake("`" + component.getSimpleName() + "` is no whole column, but the components before it are", parameter);
            fields.add(field);
        }
        return fields;
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
        if (method.getReturnType().getKind() != TypeKind.VOID) throw new Mistake("a transform of whole columns returns nothing: its second record is what it makes", method);
        passing(annotation);
        List<String> arguments = new ArrayList<>();
        for (VariableElement parameter : method.getParameters()) arguments.add(argument(parameter));
        definition.add("\"whole\":true,\"lookups\":[]");
        definition.add("\"reads\":" + Json.list(reads.stream().map(Field::json).toList()));
        definition.add("\"makes\":" + Json.list(makes == null ? List.of() : makes.stream().map(Field::json).toList()));
        return """

                @Override
                public boolean isWhole() {
                    return true;
                }

                @Override
                public void whole(WholeColumns read, WholeColumns made, Rows rows) {
                    %s;
                }

                @Override
                public void row(In row, Context context, Sink sink) {
                    throw new IllegalStateException("whole columns");
                }

                @Override
                public Shape<?> lookup(int at) {
                    throw new IllegalStateException("no table");
                }

                @Override
                public void load(int at, List<?> rows) {}
            """.formatted(call(method, arguments));
    }

    private String argument(VariableElement parameter) {
        String common = common(parameter.asType(), null);
        if (common != null) return common;
        if (Annotated.qualified(parameter.asType()).equals("pelton.guest.Rows")) return "rows";
        List<Field> fields = fields(parameter);
        if (fields == null || makes != null) throw strange(parameter, TAKES);
        String from = reads == null ? "read" : "made";
        if (reads == null) reads = fields;
        else makes = fields;
        List<String> columns = new ArrayList<>();
        for (int at = 0; at < fields.size(); at++) columns.add(from + "." + fields.get(at).column(at));
        return "new " + Annotated.qualified(parameter.asType()) + "(" + String.join(", ", columns) + ")";
    }
}
