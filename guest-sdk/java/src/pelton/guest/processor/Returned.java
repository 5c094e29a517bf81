package pelton.guest.processor;

import java.util.Set;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.type.DeclaredType;
import javax.lang.model.type.TypeKind;
import javax.lang.model.type.TypeMirror;

/** What a method makes of a row: statements that put it into {@code sink}, and the outputs that it is for. */
record Returned(String body, Outputs outputs) {
    /** {@code call} calls the method, which is called {@code what} if it returns nothing. */
    static Returned by(ExecutableElement method, String call, Shapes shapes, String what) {
        TypeMirror answer = method.getReturnType();
        if (answer.getKind() == TypeKind.BOOLEAN) {
            return new Returned("if (%s) sink.row(0, null);".formatted(call), new Outputs(null, shapes, method));
        }
        if (answer.getKind() == TypeKind.VOID) {
            throw new Mistake(what + " returns what leaves: a record, `boolean`, a `List` of records, or a sealed interface of several", method);
        }
        if (many(answer) == null) {
            Outputs outputs = new Outputs(answer, shapes, method);
            return new Returned("%s made = %s;\n        if (made != null) %s".formatted(outputs.type, call, outputs.put("made")), outputs);
        }
        Outputs outputs = new Outputs(((DeclaredType) answer).getTypeArguments().get(0), shapes, method);
        String body = "%s made = %s;\n        if (made != null) for (%s one : %s) %s".formatted(
            answer, call, outputs.type, many(answer).formatted("made", outputs.type), outputs.put("one"));
        return new Returned(body, outputs);
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
}
