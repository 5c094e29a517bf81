package pelton.guest.processor;

import java.util.ArrayList;
import java.util.List;
import javax.lang.model.element.AnnotationMirror;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.TypeElement;
import javax.lang.model.element.VariableElement;
import javax.lang.model.type.DeclaredType;
import javax.lang.model.type.TypeMirror;

/** Of an aggregate. */
final class AggregateSource extends Source {
    private final AnnotationMirror annotation;
    private Shapes.Shape state;
    private Shapes.Shape reads;

    AggregateSource(TypeElement author, AnnotationMirror annotation) {
        super(author);
        this.annotation = annotation;
    }

    @Override
    String kind() {
        return "aggregate";
    }

    @Override
    String parent() {
        return "AggregateOperator<" + Annotated.qualified(needed("zero").getReturnType()) + ">";
    }

    @Override
    String members() {
        ExecutableElement zero = needed("zero");
        state = shapes.of(zero.getReturnType(), null, zero);
        ExecutableElement add = needed("add");
        ExecutableElement retract = found("retract");
        String adds = folds(add);
        String retracts = retract == null ? "throw new IllegalStateException(\"there is no `retract`\")" : "return " + folds(retract);
        definition.add("\"reads\":" + reads.json());
        definition.add("\"state\":" + state.json());
        definition.add("\"retracts\":" + (retract != null));
        definition.add("\"ordered\":" + Boolean.TRUE.equals(Annotated.value(annotation, "ordered")));
        return """

                @Override
                public Shape<%1$s> state() {
                    return %2$s;
                }

                @Override
                public %1$s zero() {
                    return %3$s;
                }

                @Override
                public %1$s add(%1$s state, In row, Context context) {
                    return %4$s;
                }

                @Override
                public %1$s retract(%1$s state, In row, Context context) {
                    %5$s;
                }

                @Override
                public %1$s merge(%1$s state, %1$s later) {
                    return %6$s;
                }
            """.formatted(state.type(), state.variable(), call(zero, List.of()), adds, retracts, merges(needed("merge"))) + finish(needed("finish"));
    }

    private String folds(ExecutableElement method) {
        List<String> arguments = new ArrayList<>();
        for (VariableElement parameter : method.getParameters()) {
            TypeMirror type = parameter.asType();
            String common = common(type, "context");
            if (common != null) {
                arguments.add(common);
            } else if (Annotated.qualified(type).equals(state.type())) {
                arguments.add("state");
            } else if (Shapes.record(type) != null) {
                reads = shapes.of(type, null, parameter);
                arguments.add(reads.variable() + ".read(row)");
            } else {
                throw strange(parameter, "what is kept, a record of columns, one with `@Options`, and a `Context`");
            }
        }
        if (reads == null) throw new Mistake("`" + method.getSimpleName() + "` takes a record of the columns that it reads", method);
        return call(method, arguments);
    }

    private String merges(ExecutableElement method) {
        List<String> arguments = new ArrayList<>();
        String side = "state";
        for (VariableElement parameter : method.getParameters()) {
            String common = common(parameter.asType(), null);
            if (common != null) {
                arguments.add(common);
            } else if (Annotated.qualified(parameter.asType()).equals(state.type())) {
                arguments.add(side);
                side = "later";
            } else {
                throw strange(parameter, "what is kept, twice, and a record with `@Options`");
            }
        }
        return call(method, arguments);
    }

    private String finish(ExecutableElement method) {
        List<String> arguments = new ArrayList<>();
        for (VariableElement parameter : method.getParameters()) {
            String common = common(parameter.asType(), null);
            if (common != null) arguments.add(common);
            else if (Annotated.qualified(parameter.asType()).equals(state.type())) arguments.add("state");
            else if (Annotated.qualified(parameter.asType()).equals("pelton.guest.Window")) arguments.add("window");
            else throw strange(parameter, "what is kept, a record with `@Options`, and a `Window`");
        }
        TypeMirror answer = method.getReturnType();
        boolean isList = Annotated.qualified(answer).equals("java.util.List");
        TypeMirror one = isList ? ((DeclaredType) answer).getTypeArguments().get(0) : answer;
        if (Shapes.record(one) == null) throw new Mistake("`finish` returns a record of the columns that it makes, or a `List` of such", method);
        Outputs outputs = new Outputs(one, shapes, method);
        definition.add(outputs.json);
        String body = isList
            ? "if (made != null) for (%s one : made) %s".formatted(outputs.type, outputs.put("one"))
            : "if (made != null) " + outputs.put("made");
        return """

                @Override
                public void finish(%s state, Window window, Sink sink) {
                    %s made = %s;
                    %s
                }
            """.formatted(state.type(), isList ? "List<" + outputs.type + ">" : outputs.type, call(method, arguments), body) + outputs.source();
    }

    private ExecutableElement needed(String name) {
        ExecutableElement found = found(name);
        if (found == null) throw new Mistake("an aggregate has a static method `" + name + "`", author);
        return found;
    }

    private ExecutableElement found(String name) {
        List<ExecutableElement> found = methods(name);
        if (found.isEmpty()) return null;
        checkMethod(found.get(0));
        return found.get(0);
    }
}
