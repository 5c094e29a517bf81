package pelton.guest.processor;

import java.util.ArrayList;
import java.util.List;
import javax.lang.model.element.AnnotationMirror;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.TypeElement;
import javax.lang.model.element.VariableElement;
import javax.lang.model.type.TypeMirror;

/** Of an enrich operator. */
final class EnrichSource extends Source {
    private static final String REQUEST = "pelton.guest.Request";
    private static final String REPLY = "pelton.guest.Reply";
    private static final String TAKES = "a record of columns, one with `@Options`, and a `Context`";

    private final AnnotationMirror annotation;
    private Shapes.Shape reads;

    EnrichSource(TypeElement author, AnnotationMirror annotation) {
        super(author);
        this.annotation = annotation;
    }

    @Override
    String kind() {
        return "enrich";
    }

    @Override
    String parent() {
        return "EnrichOperator";
    }

    @Override
    String members() {
        passing(annotation);
        ExecutableElement ask = only("ask", "which says what to fetch for a row");
        ExecutableElement answer = only("answer", "which makes rows of the reply");
        if (!Annotated.qualified(ask.getReturnType()).equals(REQUEST)) {
            throw new Mistake("`ask` returns a `Request`, or null for a row that needs nothing; not `" + ask.getReturnType() + "`", ask);
        }
        String asks = call(ask, arguments(ask, false));
        Returned made = Returned.by(answer, call(answer, arguments(answer, true)), shapes, "`answer`");
        definition.add("\"reads\":" + reads.json());
        definition.add(made.outputs().json);
        return """

                @Override
                public pelton.guest.Request ask(In row, Context context) {
                    return %s;
                }

                @Override
                public void answer(In row, pelton.guest.Reply reply, Context context, Sink sink) {
                    %s
                }
            """.formatted(asks, made.body()) + made.outputs().source();
    }

    private ExecutableElement only(String name, String does) {
        List<ExecutableElement> found = methods(name);
        if (found.isEmpty()) throw new Mistake("an enrich operator has a static method `" + name + "`, " + does, author);
        if (found.size() > 1) throw new Mistake("there are two methods `" + name + "`: an enrich operator has one", found.get(1));
        checkMethod(found.get(0));
        return found.get(0);
    }

    private List<String> arguments(ExecutableElement method, boolean takesReply) {
        String name = method.getSimpleName().toString();
        List<String> arguments = new ArrayList<>();
        Shapes.Shape row = null;
        for (VariableElement parameter : method.getParameters()) {
            TypeMirror type = parameter.asType();
            String common = common(type, "context");
            if (common != null) {
                arguments.add(common);
            } else if (takesReply && Annotated.qualified(type).equals(REPLY) && !arguments.contains("reply")) {
                arguments.add("reply");
            } else if (Annotated.qualified(type).equals(REPLY)) {
                throw new Mistake(takesReply ? "`answer` takes one `Reply`" : "`ask` is called before there is a reply: it is for `answer`", parameter);
            } else if (row == null && Shapes.record(type) != null) {
                row = shapes.of(type, null, parameter);
                if (reads != null && reads != row) {
                    throw new Mistake("`answer` is called with the rows that `ask` was: both take the same, `" + reads.type() + "`", parameter);
                }
                arguments.add(row.variable() + ".read(row)");
            } else {
                throw strange(parameter, takesReply ? TAKES + ", and a `Reply`" : TAKES);
            }
        }
        if (row == null) throw new Mistake("`" + name + "` takes a record of the columns that it reads", method);
        if (takesReply && !arguments.contains("reply")) throw new Mistake("`answer` takes the `Reply`", method);
        reads = row;
        return arguments;
    }
}
