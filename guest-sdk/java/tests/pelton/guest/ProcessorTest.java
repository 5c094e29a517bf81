package pelton.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import pelton.guest.processor.OperatorProcessor;

/** What is wrong with an operator is told at its line. */
class ProcessorTest {
    @TempDir
    Path to;

    /** The errors of a class with {@code members}, each with its line: the first member's is 4. */
    private List<String> errors(String members) {
        String text = "import java.util.List;\nimport pelton.guest.*;\nfinal class Wrong {\n" + members + "\n}\n";
        JavaFileObject source = new SimpleJavaFileObject(URI.create("string:///Wrong.java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return text;
            }
        };
        DiagnosticCollector<JavaFileObject> told = new DiagnosticCollector<>();
        List<String> options = List.of("-d", to.toString(), "-classpath", System.getProperty("java.class.path"));
        JavaCompiler.CompilationTask task = ToolProvider.getSystemJavaCompiler().getTask(null, null, told, options, null, List.of(source));
        task.setProcessors(List.of(new OperatorProcessor()));
        task.call();
        return told.getDiagnostics().stream().filter(one -> one.getKind() == Diagnostic.Kind.ERROR)
            .map(one -> one.getLineNumber() + ": " + one.getMessage(null)).toList();
    }

    private static final String ROW = "record Row(long n) {}\n";

    @Test
    void whatIsRightHasNoErrors() {
        assertEquals(List.of(), errors(ROW + "@Transform static Row row(Row row) { return row; }"));
    }

    @Test
    void typesThatColumnsDoNotHave() {
        String says = "4: `java.util.UUID` is no type of a column: it may be a number, `boolean`, `String` or `byte[]`";
        assertEquals(List.of(says), errors("record Row(java.util.UUID id) {}\n@Transform static boolean row(Row row) { return true; }"));
        String date = "4: `@Date` is for an `int`, of days";
        assertEquals(List.of(date), errors("record Row(@Date long day) {}\n@Transform static boolean row(Row row) { return true; }"));
        String never = "4: `n` is never null: make it a `Long`";
        assertEquals(List.of(never), errors("record Row(@Nullable long n) {}\n@Transform static boolean row(Row row) { return true; }"));
    }

    @Test
    void methodsThatCannotBeCalled() {
        assertEquals(List.of("5: `row` must be static"), errors(ROW + "@Transform boolean row(Row row) { return true; }"));
        assertEquals(List.of("5: `row` must not be private"), errors(ROW + "@Transform private static boolean row(Row row) { return true; }"));
        String thrown = "5: `row` cannot throw `java.io.IOException`: make it an unchecked exception";
        assertEquals(List.of(thrown), errors(ROW + "@Transform static boolean row(Row row) throws java.io.IOException { return true; }"));
    }

    @Test
    void parametersThatNobodyGives() {
        List<String> found = errors(ROW + "@Transform static boolean row(Row row, String other) { return true; }");
        assertTrue(found.get(0).startsWith("5: `java.lang.String other` is nothing that the method is given: it may take a record of columns"), found.toString());
        assertTrue(errors(ROW + "@Keyed static void row(Row key) {}").get(0).contains("takes a `List` of records: the key's rows"));
    }

    @Test
    void versionsThatNobodyMigrates() {
        String members = "record Row(long n) {}\n@Migrate(2) static Row second(Row row) { return row; }\n";
        String keyed = "@Keyed static void keyed(List<Row> rows, State<Row> state) {}";
        assertEquals(List.of("5: there is no method that migrates version 1"), errors(members + keyed));
    }

    @Test
    void answersThatSayNothing() {
        assertTrue(errors(ROW + "@Transform static void row(Row row) {}").get(0).startsWith("5: a transform returns what leaves"));
        String says = "5: `java.lang.Object` is neither a record of columns nor a sealed interface of several";
        assertEquals(List.of(says), errors(ROW + "@Transform static Object row(Row row) { return row; }"));
    }

    @Test
    void defaultsOfAnotherType() {
        String options = "@Options record O(@Default(\"x\") int n) {}\n";
        assertEquals(List.of("5: the default `x` is no `int`"), errors(ROW + options + "@Transform static boolean row(Row row, O o) { return true; }"));
    }

    @Test
    void methodsThatAnAggregateLacks() {
        assertEquals(List.of("4: an aggregate has a static method `merge`"), errors("""
            @Aggregate static final class A { record Row(long n) {}
            static Row zero() { return null; } static Row add(Row s, In r) { return s; } static Row finish(Row s) { return s; }
            record In(long n) {} }"""));
    }

    private static final String ASK = "static Request ask(Row row) { return null; }\n";
    private static final String ANSWER = "static boolean answer(Row row, Reply reply) { return true; }\n";

    private String enrich(String methods) {
        List<String> found = errors("@Enrich static final class E { record Row(long n) {} record Other(long n) {}\n@Options record O(long n) {}\n@Options record P(long n) {}\n" + methods + "}");
        return found.isEmpty() ? "" : found.get(0);
    }

    @Test
    void whatAnEnrichOperatorLacks() {
        assertEquals("", enrich(ASK + ANSWER));
        assertEquals("4: an enrich operator has a static method `ask`, which says what to fetch for a row", enrich(ANSWER));
        assertEquals("4: an enrich operator has a static method `answer`, which makes rows of the reply", enrich(ASK));
        assertEquals("8: there are two methods `ask`: an enrich operator has one", enrich(ASK + "static Request ask(Other row) { return null; }\n" + ANSWER));
        assertEquals("7: `ask` must be static", enrich("Request ask(Row row) { return null; }\n" + ANSWER));
        String returns = "7: `ask` returns a `Request`, or null for a row that needs nothing; not `java.lang.String`";
        assertEquals(returns, enrich("static String ask(Row row) { return null; }\n" + ANSWER));
        assertTrue(enrich(ASK + "static void answer(Row row, Reply reply) {}").startsWith("8: `answer` returns what leaves: a record"));
    }

    @Test
    void whatAskAndAnswerTake() {
        assertEquals("7: `ask` is called before there is a reply: it is for `answer`", enrich("static Request ask(Row row, Reply reply) { return null; }\n" + ANSWER));
        assertEquals("8: `answer` takes the `Reply`", enrich(ASK + "static boolean answer(Row row) { return true; }"));
        assertEquals("8: `answer` takes one `Reply`", enrich(ASK + "static boolean answer(Row row, Reply one, Reply other) { return true; }"));
        assertEquals("7: `ask` takes a record of the columns that it reads", enrich("static Request ask() { return null; }\n" + ANSWER));
        String same = "8: `answer` is called with the rows that `ask` was: both take the same, `Wrong.E.Row`";
        assertEquals(same, enrich(ASK + "static boolean answer(Other row, Reply reply) { return true; }"));
        assertTrue(enrich("static Request ask(Row row, String other) { return null; }\n" + ANSWER).contains("it may take a record of columns, one with `@Options`, and a `Context`"));
        String options = enrich("static Request ask(Row row, O o) { return null; }\nstatic boolean answer(Row row, Reply reply, P p) { return true; }\n");
        assertEquals("6: a module has one record of options, and `Wrong.E.O` is it", options);
    }
}
