package pelton.guest.processor;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.lang.model.element.AnnotationMirror;
import javax.lang.model.element.Element;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.TypeElement;
import javax.lang.model.element.VariableElement;
import javax.lang.model.type.TypeMirror;

/** Of keyed operators and cogroups, whose method is called for a key. */
final class CallSource extends Source {
    private static final String MIGRATE = "pelton.guest.Migrate";
    private static final String KEYED_TAKES =
        "records of columns of the key, a `List` of records, `State`, `Timers`, an `Emitter`, `ListState` and `MapState`, a record with `@Options`, a `Context`";
    private static final String COGROUP_TAKES =
        "a record of columns of the key, a `List` of records for each side, an `Emitter`, a record with `@Options`, a `Context`";

    private final ExecutableElement method;
    private final AnnotationMirror annotation;
    private final boolean isKeyed;
    private final List<Shapes.Shape> rows = new ArrayList<>();
    private final List<String> tables = new ArrayList<>();
    private Shapes.Shape key;
    private Shapes.Shape state;
    private Outputs outputs;

    CallSource(TypeElement author, ExecutableElement method, AnnotationMirror annotation, boolean isKeyed) {
        super(author);
        this.method = method;
        this.annotation = annotation;
        this.isKeyed = isKeyed;
    }

    @Override
    String kind() {
        return isKeyed ? "keyed" : "cogroup";
    }

    @Override
    String parent() {
        return isKeyed ? "KeyedOperator" : "CogroupOperator";
    }

    @Override
    String members() {
        checkMethod(method);
        passing(annotation);
        List<String> arguments = new ArrayList<>();
        for (VariableElement parameter : method.getParameters()) {
            String given = common(parameter.asType(), "call.context()");
            if (given == null) given = ofCall(parameter);
            if (given == null && isKeyed) given = ofKeyed(parameter);
            if (given == null) throw strange(parameter, isKeyed ? KEYED_TAKES : COGROUP_TAKES);
            arguments.add(given);
        }
        int sides = isKeyed ? 1 : 2;
        if (rows.size() != sides) {
            String why = isKeyed ? "a keyed operator takes a `List` of records: the key's rows" : "a cogroup takes two `List`s of records: the left rows and the right ones";
            throw new Mistake(why, method);
        }
        if (outputs == null) outputs = new Outputs(null, shapes, method);
        definition.add("\"key\":" + (key == null ? "[]" : key.json()));
        definition.add(isKeyed ? "\"reads\":" + rows.get(0).json() : "\"left\":" + rows.get(0).json() + ",\"right\":" + rows.get(1).json());
        if (isKeyed) definition.add("\"tables\":" + Json.list(tables));
        definition.add(outputs.json);
        return """

                @Override
                public void process(%sCall call) {
                    %s;
                }
            """.formatted(isKeyed ? "Keyed" : "Cogroup", call(method, arguments)) + (isKeyed ? migrate() : "") + outputs.source();
    }

    private String migrate() {
        TreeMap<Integer, ExecutableElement> byVersion = new TreeMap<>();
        for (Element element : author.getEnclosedElements()) {
            AnnotationMirror found = Annotated.find(element, MIGRATE);
            if (found == null) continue;
            Object version = Annotated.value(found, "value");
            ExecutableElement before = byVersion.put(version == null ? 1 : (Integer) version, (ExecutableElement) element);
            if (before != null) throw new Mistake("two methods migrate the same version", element);
        }
        List<String> versions = new ArrayList<>();
        StringBuilder calls = new StringBuilder();
        for (Map.Entry<Integer, ExecutableElement> one : byVersion.entrySet()) {
            ExecutableElement migrate = one.getValue();
            checkMethod(migrate);
            if (one.getKey() != versions.size() + 1) throw new Mistake("there is no method that migrates version " + (versions.size() + 1), migrate);
            if (state == null) throw new Mistake("there is no `State` that could be migrated", migrate);
            if (migrate.getParameters().size() != 1) throw new Mistake("`" + migrate.getSimpleName() + "` takes one record, of what was kept", migrate);
            Shapes.Shape from = shapes.of(migrate.getParameters().get(0).asType(), null, migrate);
            versions.add(from.json());
            calls.append("        if (version == %d) return %s;\n".formatted(one.getKey(), call(migrate, List.of(from.variable() + ".read(before)"))));
        }
        definition.add("\"migrate\":" + Json.list(versions));
        String write = state == null ? "throw new IllegalStateException(\"no state\");" : state.variable() + ".write((" + state.type() + ") state, out);";
        return """

                @Override
                public Object migrate(int version, In before) {
            %s        throw new IllegalStateException("no such version");
                }

                @Override
                public void write(Object state, Out out) {
                    %s
                }
            """.formatted(calls, write);
    }

    private String ofCall(VariableElement parameter) {
        TypeMirror type = parameter.asType();
        switch (Annotated.qualified(type)) {
            case "java.util.List" -> {
                Shapes.Shape shape = shapes.of(argument(parameter, 0), null, parameter);
                rows.add(shape);
                String side = isKeyed ? "rows" : rows.size() == 1 ? "left" : "right";
                return "call." + side + "(" + shape.variable() + ")";
            }
            case "pelton.guest.Emitter" -> {
                outputs = new Outputs(argument(parameter, 0), shapes, parameter);
                return "call.emitter(" + outputs.variable() + ")";
            }
            default -> {
                if (key != null || Shapes.record(type) == null) return null;
                key = shapes.of(type, null, parameter);
                return "call.key(" + key.variable() + ")";
            }
        }
    }

    private String ofKeyed(VariableElement parameter) {
        String name = parameter.getSimpleName().toString();
        switch (Annotated.qualified(parameter.asType())) {
            case "pelton.guest.State" -> {
                state = shapes.of(argument(parameter, 0), null, parameter);
                definition.add("\"state\":" + state.json());
                return "call.state(" + state.variable() + ")";
            }
            case "pelton.guest.Timers" -> {
                return "call.timers()";
            }
            case "pelton.guest.ListState" -> {
                Shapes.Shape element = shapes.of(argument(parameter, 0), "value", parameter);
                tables.add("{\"name\":%s,\"single\":%s,\"list\":%s}".formatted(Json.text(name), element.isSingle(), element.json()));
                return "call.list(%s, %s)".formatted(Json.literal(name), element.variable());
            }
            case "pelton.guest.MapState" -> {
                Shapes.Shape by = shapes.of(argument(parameter, 0), "key", parameter);
                Shapes.Shape holds = shapes.of(argument(parameter, 1), "value", parameter);
                tables.add("{\"name\":%s,\"singleKey\":%s,\"single\":%s,\"by\":%s,\"holds\":%s}".formatted(
                    Json.text(name), by.isSingle(), holds.isSingle(), by.json(), holds.json()));
                return "call.map(%s, %s, %s)".formatted(Json.literal(name), by.variable(), holds.variable());
            }
            default -> {
                return null;
            }
        }
    }
}
