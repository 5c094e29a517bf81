package pelton.guest.processor;

import java.util.ArrayList;
import java.util.List;
import javax.lang.model.element.AnnotationMirror;
import javax.lang.model.element.Element;
import javax.lang.model.element.ElementKind;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.Modifier;
import javax.lang.model.element.TypeElement;
import javax.lang.model.element.VariableElement;
import javax.lang.model.type.DeclaredType;
import javax.lang.model.type.TypeMirror;

/** What is common to the sources of all kinds. */
abstract class Source {
    static final String OPTIONS = "pelton.guest.Options";
    static final String CONTEXT = "pelton.guest.Context";

    final TypeElement author;
    final Shapes shapes = new Shapes();
    /** Parts of the definition. */
    final List<String> definition = new ArrayList<>();
    private Shapes.Shape options;

    Source(TypeElement author) {
        this.author = author;
    }

    /** transform, aggregate, keyed, cogroup or enrich. */
    abstract String kind();

    /** The class that the operator extends, and its members. */
    abstract String parent();

    abstract String members();

    String name() {
        String name = author.getSimpleName().toString();
        for (Element outer = author.getEnclosingElement(); outer instanceof TypeElement type; outer = type.getEnclosingElement()) {
            name = type.getSimpleName() + "_" + name;
        }
        return name + "_Pelton";
    }

    /** The source of the class. */
    String text(String in) {
        String members = members();
        definition.add("\"options\":" + (options == null ? "[]" : options.json()));
        String open = options == null ? "" : "        options = " + options.variable() + ".read(given);\n";
        String field = options == null ? "" : "    private " + options.type() + " options;\n";
        return """
            %1$simport java.util.List;
            import pelton.guest.Context;
            import pelton.guest.Rows;
            import pelton.guest.Window;
            import pelton.guest.spi.AggregateOperator;
            import pelton.guest.spi.CogroupCall;
            import pelton.guest.spi.CogroupOperator;
            import pelton.guest.spi.EnrichOperator;
            import pelton.guest.spi.In;
            import pelton.guest.spi.KeyedCall;
            import pelton.guest.spi.KeyedOperator;
            import pelton.guest.spi.Makes;
            import pelton.guest.spi.Out;
            import pelton.guest.spi.Shape;
            import pelton.guest.spi.Sink;
            import pelton.guest.spi.TransformOperator;
            import pelton.guest.spi.WholeColumns;

            /** Written by Pelton's processor: %2$s between columns and the engine. */
            @SuppressWarnings({"unchecked", "unused"})
            public final class %3$s extends %4$s {
            %5$s
                @Override
                public String definition() {
                    return %6$s;
                }

                @Override
                public void open(In given) {
            %7$s    }
            %8$s%9$s}
            """.formatted(
                in.isEmpty() ? "" : "package " + in + ";\n\n", author.getSimpleName(), name(), parent(), field,
                Json.literal("{\"kind\":\"" + kind() + "\"," + String.join(",", definition) + "}"), open, members, shapes.source());
    }

    private void options(TypeElement record) {
        Shapes.Shape found = shapes.of(record.asType(), null, record);
        if (options != null && options != found) throw new Mistake("a module has one record of options, and `" + options.type() + "` is it", record);
        options = found;
    }

    /** The methods of a name. */
    List<ExecutableElement> methods(String name) {
        List<ExecutableElement> found = new ArrayList<>();
        for (Element element : author.getEnclosedElements()) {
            if (element.getKind() == ElementKind.METHOD && element.getSimpleName().contentEquals(name)) found.add((ExecutableElement) element);
        }
        return found;
    }

    /** What a parameter that every kind may have is given; null if it is none of those. */
    String common(TypeMirror type, String context) {
        if (Annotated.qualified(type).equals(CONTEXT)) return context;
        TypeElement record = Shapes.record(type);
        if (record == null || !Annotated.has(record, OPTIONS)) return null;
        options(record);
        return "options";
    }

    void passing(AnnotationMirror of) {
        definition.addAll(Annotated.passing(of));
        String time = Annotated.text(of, "eventTime");
        if (!time.isEmpty()) definition.add("\"eventTime\":" + Json.text(time));
    }

    /** The call of a method. */
    String call(ExecutableElement method, List<String> arguments) {
        return author.getQualifiedName() + "." + method.getSimpleName() + "(" + String.join(", ", arguments) + ")";
    }

    /** The type argument at a place. */
    static TypeMirror argument(VariableElement parameter, int at) {
        if (parameter.asType() instanceof DeclaredType declared && declared.getTypeArguments().size() > at) return declared.getTypeArguments().get(at);
        throw new Mistake("`" + parameter.getSimpleName() + "` does not say of what: write `" + parameter.asType() + "<…>`", parameter);
    }

    static void checkMethod(ExecutableElement method) {
        if (!method.getModifiers().contains(Modifier.STATIC)) throw new Mistake("`" + method.getSimpleName() + "` must be static", method);
        if (method.getModifiers().contains(Modifier.PRIVATE)) throw new Mistake("`" + method.getSimpleName() + "` must not be private", method);
        for (TypeMirror thrown : method.getThrownTypes()) {
            throw new Mistake("`" + method.getSimpleName() + "` cannot throw `" + thrown + "`: make it an unchecked exception", method);
        }
    }

    static Mistake strange(VariableElement parameter, String takes) {
        return new Mistake("`" + parameter.asType() + " " + parameter.getSimpleName() + "` is nothing that the method is given: it may take " + takes, parameter);
    }
}
