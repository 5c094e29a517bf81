package pelton.guest.processor;

import java.io.IOException;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import javax.annotation.processing.AbstractProcessor;
import javax.annotation.processing.RoundEnvironment;
import javax.lang.model.SourceVersion;
import javax.lang.model.element.Element;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.PackageElement;
import javax.lang.model.element.TypeElement;
import javax.tools.Diagnostic;

/**
 * Writes for each operator the class between it and the engine: beside {@code ToEuro} the class {@code ToEuro_Pelton}. What is wrong with an
 * operator is an error of the compiler's, at its place.
 */
public final class OperatorProcessor extends AbstractProcessor {
    private static final String TRANSFORM = "pelton.guest.Transform";
    private static final String AGGREGATE = "pelton.guest.Aggregate";
    private static final String KEYED = "pelton.guest.Keyed";
    private static final String COGROUP = "pelton.guest.Cogroup";
    private static final String ENRICH = "pelton.guest.Enrich";

    /** {@code KIND CLASS} of each operator; for the build. */
    private final List<String> operators = new ArrayList<>();

    @Override
    public Set<String> getSupportedAnnotationTypes() {
        return Set.of(TRANSFORM, AGGREGATE, KEYED, COGROUP, ENRICH);
    }

    @Override
    public SourceVersion getSupportedSourceVersion() {
        return SourceVersion.latestSupported();
    }

    /** {@code KIND CLASS} of each operator that was found. */
    public List<String> operators() {
        return operators;
    }

    @Override
    public boolean process(Set<? extends TypeElement> annotations, RoundEnvironment round) {
        for (TypeElement annotation : annotations) {
            for (Element element : round.getElementsAnnotatedWith(annotation)) {
                try {
                    write(source(annotation.getQualifiedName().toString(), element));
                } catch (Mistake mistake) {
                    processingEnv.getMessager().printMessage(Diagnostic.Kind.ERROR, mistake.getMessage(), mistake.element);
                } catch (IOException failed) {
                    processingEnv.getMessager().printMessage(Diagnostic.Kind.ERROR, failed.toString(), element);
                }
            }
        }
        return true;
    }

    private static Source source(String annotation, Element element) {
        if (annotation.equals(AGGREGATE)) return new AggregateSource((TypeElement) element, Annotated.find(element, AGGREGATE));
        if (annotation.equals(ENRICH)) return new EnrichSource((TypeElement) element, Annotated.find(element, ENRICH));
        TypeElement author = (TypeElement) element.getEnclosingElement();
        ExecutableElement method = (ExecutableElement) element;
        if (annotation.equals(TRANSFORM) && WholeSource.is(method)) return new WholeSource(author, method, Annotated.find(element, TRANSFORM));
        if (annotation.equals(TRANSFORM)) return new TransformSource(author, method, Annotated.find(element, TRANSFORM));
        return new CallSource(author, method, Annotated.find(element, annotation), annotation.equals(KEYED));
    }

    private void write(Source source) throws IOException {
        PackageElement in = processingEnv.getElementUtils().getPackageOf(source.author);
        String name = in.isUnnamed() ? source.name() : in.getQualifiedName() + "." + source.name();
        String text = source.text(in.getQualifiedName().toString());
        try (Writer writer = processingEnv.getFiler().createSourceFile(name, source.author).openWriter()) {
            writer.write(text);
        }
        operators.add(source.kind() + " " + name);
    }
}
