import java.io.File;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.annotation.processing.Processor;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.teavm.backend.javascript.JSModuleType;
import org.teavm.diagnostics.DefaultProblemTextConsumer;
import org.teavm.diagnostics.Problem;
import org.teavm.diagnostics.ProblemSeverity;
import org.teavm.model.MethodReference;
import org.teavm.tooling.EmptyTeaVMToolLog;
import org.teavm.tooling.TeaVMTargetType;
import org.teavm.tooling.TeaVMTool;
import org.teavm.vm.TeaVMOptimizationLevel;

/**
 * From Java to one module of JavaScript, in one run of the JVM: the SDK compiled, the author's sources compiled beside what the processor
 * writes, and all of it that is called by TeaVM. {@code pelton build} calls it in the project: KIND, the SDK's directory, the directory of the
 * author's sources, and one to work in. The result is {@code classes.js} there. Mistakes are told by the lines of the author's sources.
 */
public final class Build {
    private static final String PROCESSOR = "pelton.guest.processor.OperatorProcessor";
    private static final int NEWEST = 25;

    private final String kind;
    private final Path sdk;
    private final Path sources;
    private final Path work;
    private final JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();

    private Build(String[] given) {
        kind = given[0];
        sdk = Path.of(given[1]);
        sources = Path.of(given[2]);
        work = Path.of(given[3]);
    }

    public static void main(String[] given) throws Exception {
        try {
            new Build(given).run();
        } catch (Refused refused) {
            System.err.println(refused.getMessage());
            System.exit(1);
        }
    }

    private void run() throws Exception {
        if (compiler == null) throw new Refused("this Java has no compiler: install a JDK");
        Path guest = work.resolve("guest");
        compileSdk(guest);
        Path classes = emptied(work.resolve("classes"));
        String operator = compileOperator(guest, classes);
        int cut = operator.lastIndexOf('.');
        String in = cut < 0 ? "" : operator.substring(0, cut);
        Path entry = work.resolve("PeltonEntry.java");
        Files.writeString(entry, Entry.of(kind, in, operator.substring(cut + 1)));
        compile(List.of(entry), List.of(guest, classes), classes, null);
        try (Stream<Path> files = Files.walk(classes)) {
            for (Path file : files.filter(file -> file.toString().endsWith(".class")).toList()) Files.write(file, Exact.of(Files.readAllBytes(file)));
        }
        translate(guest, classes, in.isEmpty() ? "PeltonEntry" : in + ".PeltonEntry");
    }

    /** Once, until the SDK is another. */
    private void compileSdk(Path guest) throws Exception {
        List<Path> files = javaFiles(sdk.resolve("src"));
        Path done = guest.resolve(".done");
        long changed = 0;
        for (Path file : files) changed = Math.max(changed, Files.getLastModifiedTime(file).toMillis());
        if (Files.exists(done) && Files.getLastModifiedTime(done).toMillis() > changed) return;
        emptied(guest);
        compile(files.stream().filter(file -> !file.toString().contains("/testing/")).toList(), List.of(), guest, null);
        Files.writeString(done, "");
    }

    /** The class that the processor wrote. */
    private String compileOperator(Path guest, Path classes) throws Exception {
        try (URLClassLoader loader = loader(guest)) {
            Object processor = loader.loadClass(PROCESSOR).getConstructor().newInstance();
            compile(javaFiles(sources), List.of(guest), classes, (Processor) processor);
            List<?> operators = (List<?>) processor.getClass().getMethod("operators").invoke(processor);
            if (operators.size() != 1) {
                throw new Refused("the module must have one operator, a method with `@Transform`, `@Keyed` or `@Cogroup` or a class with `@Aggregate` or `@Enrich`; it has " + operators.size());
            }
            String[] operator = operators.get(0).toString().split(" ");
            if (operator[0].equals(kind)) return operator[1];
            throw new Refused("the module's operator is a " + operator[0] + ", but pelton-module.toml says kind = \"" + kind + "\"");
        }
    }

    private void compile(List<Path> files, List<Path> beside, Path to, Processor processor) throws IOException {
        DiagnosticCollector<JavaFileObject> told = new DiagnosticCollector<>();
        StandardJavaFileManager manager = compiler.getStandardFileManager(told, null, null);
        String path = System.getProperty("java.class.path");
        for (Path one : beside) path = one + File.pathSeparator + path;
        List<String> options = new ArrayList<>(List.of("-g", "-encoding", "UTF-8", "-classpath", path, "-d", to.toString()));
        if (processor == null) options.add("-proc:none");
        // Beyond this TeaVM cannot read what is compiled.
        if (Runtime.version().feature() > NEWEST) options.addAll(List.of("--release", Integer.toString(NEWEST)));
        JavaCompiler.CompilationTask task = compiler.getTask(null, manager, told, options, null, manager.getJavaFileObjectsFromPaths(files));
        if (processor != null) task.setProcessors(List.of(processor));
        if (task.call()) return;
        StringBuilder mistakes = new StringBuilder();
        for (Diagnostic<? extends JavaFileObject> one : told.getDiagnostics()) {
            if (one.getKind() != Diagnostic.Kind.ERROR) continue;
            String place = one.getSource() == null ? "" : Path.of("").toAbsolutePath().relativize(Path.of(one.getSource().toUri())) + ":" + one.getLineNumber() + ": ";
            mistakes.append(place).append(one.getMessage(null)).append('\n');
        }
        throw new Refused(mistakes.toString());
    }

    private void translate(Path guest, Path classes, String main) throws Exception {
        TeaVMTool tool = new TeaVMTool();
        try (URLClassLoader loader = loader(guest, classes)) {
            tool.setClassLoader(loader);
            tool.setTargetType(TeaVMTargetType.JAVASCRIPT);
            tool.setMainClass(main);
            tool.setTargetDirectory(work.toFile());
            tool.setTargetFileName("classes.js");
            tool.setJsModuleType(JSModuleType.ES2015);
            // Names are those of the sources, in stacks; null, bounds and casts are checked, as Java has it.
            tool.setObfuscated(false);
            tool.setStrict(true);
            tool.setAssertionsRemoved(false);
            tool.setOptimizationLevel(TeaVMOptimizationLevel.ADVANCED);
            tool.setSourceMapsFileGenerated(true);
            tool.setLog(new EmptyTeaVMToolLog());
            tool.generate();
        }
        StringBuilder mistakes = new StringBuilder();
        for (Problem problem : tool.getProblemProvider().getProblems()) {
            if (problem.getSeverity() == ProblemSeverity.ERROR) mistakes.append(told(problem)).append('\n');
        }
        if (mistakes.length() > 0) throw new Refused(mistakes.toString());
        nameSources();
        Path code = work.resolve("classes.js");
        Files.writeString(code, NullChecks.inlined(Files.readString(code)));
    }

    /** Makes the map from JavaScript's lines to Java's name the author's files where they are, and all others below the SDK. */
    private void nameSources() throws IOException {
        Path path = work.resolve("classes.js.map");
        String map = Files.readString(path);
        Matcher named = Pattern.compile("\"sourceRoot\":\"[^\"]*\",\\s*\"sources\":\\[([^\\]]*)\\]").matcher(map);
        if (!named.find()) throw new IOException("TeaVM's source map is not as it was");
        List<String> names = new ArrayList<>();
        for (String quoted : named.group(1).split(",")) {
            String name = quoted.strip().replace("\"", "");
            Path own = sources.resolve(name);
            Path file = Files.exists(own) ? own : sdk.resolve(name);
            names.add("\"" + work.toAbsolutePath().relativize(file.toAbsolutePath()).toString().replace('\\', '/') + "\"");
        }
        Files.writeString(path, map.substring(0, named.start()) + "\"sources\":[" + String.join(",", names) + "]" + map.substring(named.end()));
    }

    private String told(Problem problem) {
        DefaultProblemTextConsumer text = new DefaultProblemTextConsumer();
        problem.render(text);
        if (problem.getLocation() == null) return text.getText();
        MethodReference method = problem.getLocation().getMethod();
        String place = problem.getLocation().getSourceLocation() == null
            ? method.toString()
            : sources.resolve(problem.getLocation().getSourceLocation().getFileName()) + ":" + problem.getLocation().getSourceLocation().getLine();
        return place + ": " + text.getText() + " (modules have what TeaVM has of Java's library)";
    }

    private static URLClassLoader loader(Path... directories) throws MalformedURLException {
        URL[] urls = new URL[directories.length];
        for (int at = 0; at < urls.length; at++) urls[at] = directories[at].toUri().toURL();
        return new URLClassLoader(urls, Build.class.getClassLoader());
    }

    private static List<Path> javaFiles(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
        }
    }

    private static Path emptied(Path directory) throws IOException {
        if (Files.exists(directory)) {
            List<Path> held;
            try (Stream<Path> files = Files.walk(directory)) {
                held = new ArrayList<>(files.toList());
            }
            for (int at = held.size() - 1; at >= 0; at--) Files.delete(held.get(at));
        }
        return Files.createDirectories(directory);
    }

    private static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1;

        Refused(String why) {
            super(why.stripTrailing());
        }
    }

    /** Puts calls of the SDK's {@code Exact} where TeaVM's arithmetic is not Java's: floats, divisions by zero, numbers that are too large, halves, texts of numbers. */
    private static final class Exact extends MethodVisitor {
        private static final String SDK = "pelton/guest/js/Exact";

        private Exact(MethodVisitor next) {
            super(Opcodes.ASM9, next);
        }

        static byte[] of(byte[] file) {
            ClassReader reader = new ClassReader(file);
            ClassWriter writer = new ClassWriter(reader, 0);
            reader.accept(new ClassVisitor(Opcodes.ASM9, writer) {
                @Override
                public MethodVisitor visitMethod(int access, String name, String descriptor, String signature, String[] exceptions) {
                    return new Exact(super.visitMethod(access, name, descriptor, signature, exceptions));
                }
            }, 0);
            return writer.toByteArray();
        }

        private void call(String name, String descriptor) {
            super.visitMethodInsn(Opcodes.INVOKESTATIC, SDK, name, descriptor, false);
        }

        @Override
        public void visitInsn(int opcode) {
            switch (opcode) {
                case Opcodes.IDIV -> call("divide", "(II)I");
                case Opcodes.IREM -> call("remainder", "(II)I");
                case Opcodes.LDIV -> call("divide", "(JJ)J");
                case Opcodes.LREM -> call("remainder", "(JJ)J");
                case Opcodes.D2I -> call("toInt", "(D)I");
                case Opcodes.D2L -> call("toLong", "(D)J");
                case Opcodes.F2I -> {
                    super.visitInsn(Opcodes.F2D);
                    call("toInt", "(D)I");
                }
                case Opcodes.F2L -> {
                    super.visitInsn(Opcodes.F2D);
                    call("toLong", "(D)J");
                }
                case Opcodes.FADD, Opcodes.FSUB, Opcodes.FMUL, Opcodes.FDIV, Opcodes.FREM, Opcodes.I2F, Opcodes.L2F, Opcodes.D2F -> {
                    super.visitInsn(opcode);
                    call("rounded", "(F)F");
                }
                default -> super.visitInsn(opcode);
            }
        }

        @Override
        public void visitMethodInsn(int opcode, String owner, String name, String descriptor, boolean isInterface) {
            String called = owner.substring(owner.lastIndexOf('/') + 1) + "." + name + descriptor;
            switch (called) {
                case "Math.round(D)J", "Math.round(F)I", "Math.rint(D)D" -> call(name, descriptor);
                case "Double.parseDouble(Ljava/lang/String;)D" -> call("parse", descriptor);
                case "Float.parseFloat(Ljava/lang/String;)F" -> call("parseFloat", descriptor);
                default -> super.visitMethodInsn(opcode, owner, name, descriptor, isInterface);
            }
        }

        @Override
        public void visitMaxs(int stack, int locals) {
            // A float that is made a double on its way takes one place more.
            super.visitMaxs(stack + 1, locals);
        }
    }

    /** Checks for null, which TeaVM calls a function for: as an operator they cost an interpreter a tenth. */
    private static final class NullChecks {
        private static final String CHECK = "$rt_nullCheck(";
        private static final String FAILS = "\nfunction $rt_isNull() { return $rt_nullCheck(null); }\n";

        static String inlined(String code) {
            StringBuilder text = new StringBuilder();
            inline(code, 0, code.length(), text);
            return text.append(FAILS).toString();
        }

        private static void inline(String code, int start, int end, StringBuilder to) {
            int at = start;
            for (int found = code.indexOf(CHECK, at); found >= 0 && found < end; found = code.indexOf(CHECK, at)) {
                int inner = found + CHECK.length();
                int close = closing(code, inner);
                to.append(code, at, found).append('(');
                inline(code, inner, close, to);
                to.append(" ?? $rt_isNull())");
                at = close + 1;
            }
            to.append(code, at, end);
        }

        /** The parenthesis that closes the one before {@code at}. */
        private static int closing(String code, int at) {
            int open = 1;
            int place = at;
            for (;; place++) {
                char letter = code.charAt(place);
                if (letter == '"' || letter == '\'') {
                    for (place++; code.charAt(place) != letter; place++) if (code.charAt(place) == '\\') place++;
                } else if (letter == '(') {
                    open++;
                } else if (letter == ')' && --open == 0) {
                    return place;
                }
            }
        }
    }

    /** What the module of JavaScript exports: {@code guest-sdk/js/src/java} calls it. */
    private static final class Entry {
        private static final String TEXT = """
            import org.teavm.jso.JSExport;
            import org.teavm.jso.JSObject;
            import pelton.guest.js.AggregateRunner;
            import pelton.guest.js.CallRunner;
            import pelton.guest.js.EnrichRunner;
            import pelton.guest.js.Module;
            import pelton.guest.js.TransformRunner;

            public final class PeltonEntry {
                private static final OPERATOR operator = new OPERATOR();

                public static void main(String[] given) {}

                @JSExport
                public static String definition() {
                    return operator.definition();
                }

                @JSExport
                public static void open(JSObject options, JSObject names, JSObject host) {
                    Module.open(operator, options, names, host);
                }

                @JSExport
                public static String failure(JSObject error) {
                    return Module.failure(error);
                }
            EXPORTS}
            """;
        private static final String TRANSFORM = """

                @JSExport
                public static void process(JSObject batch, int rows) {
                    TransformRunner.process(operator, batch, rows);
                }

                @JSExport
                public static void load(int at, JSObject names, JSObject rows) {
                    TransformRunner.load(operator, at, names, rows);
                }
            """;
        private static final String AGGREGATE = """

                @JSExport
                public static void fold(boolean takesBack, JSObject batch, int rows, JSObject slots, JSObject kept, int groups, int columns, JSObject made) {
                    AggregateRunner.fold(operator, takesBack, batch, rows, slots, kept, groups, columns, made);
                }

                @JSExport
                public static void merge(JSObject left, JSObject right, int groups, int columns, JSObject made) {
                    AggregateRunner.merge(operator, left, right, groups, columns, made);
                }

                @JSExport
                public static void finish(JSObject call, JSObject kept, int groups, int columns) {
                    AggregateRunner.finish(operator, call, kept, groups, columns);
                }

                @JSExport
                public static void zero(JSObject made) {
                    AggregateRunner.zero(operator, made);
                }
            """;
        private static final String ENRICH = """

                @JSExport
                public static void ask(JSObject batch, int rows) {
                    EnrichRunner.ask(operator, batch, rows);
                }

                @JSExport
                public static String answer(JSObject batch, int rows) {
                    return EnrichRunner.answer(operator, batch, rows);
                }
            """;
        private static final String CALL = """

                @JSExport
                public static void process(JSObject call) {
                    CallRunner.process(operator, call);
                }
            """;

        private static final String MIGRATE = """

                @JSExport
                public static void migrate(int version, JSObject before, JSObject names, JSObject state, JSObject answer) {
                    CallRunner.migrate(operator, version, before, names, state, answer);
                }
            """;

        static String of(String kind, String in, String operator) {
            String exports = switch (kind) {
                case "transform" -> TRANSFORM;
                case "aggregate" -> AGGREGATE;
                case "keyed" -> CALL + MIGRATE;
                case "enrich" -> ENRICH;
                default -> CALL;
            };
            return (in.isEmpty() ? "" : "package " + in + ";\n\n") + TEXT.replace("OPERATOR", operator).replace("EXPORTS", exports);
        }
    }
}
