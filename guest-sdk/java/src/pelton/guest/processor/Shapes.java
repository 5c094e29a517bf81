package pelton.guest.processor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.lang.model.element.Element;
import javax.lang.model.element.ElementKind;
import javax.lang.model.element.Modifier;
import javax.lang.model.element.RecordComponentElement;
import javax.lang.model.element.TypeElement;
import javax.lang.model.type.DeclaredType;
import javax.lang.model.type.TypeKind;
import javax.lang.model.type.TypeMirror;

/** The shapes that an operator needs, and their classes. */
final class Shapes {
    /** A shape: the field that holds it, the type of a row, and the columns. */
    record Shape(String variable, String type, List<Field> fields, boolean isSingle) {
        String json() {
            return Json.list(fields.stream().map(Field::json).toList());
        }
    }

    private final Map<String, Shape> shapes = new LinkedHashMap<>();

    /** The shape of a record, or if {@code single} is said of a value under that name. Throws {@link Mistake}. */
    Shape of(TypeMirror type, String single, Element element) {
        TypeElement record = record(type);
        String key = record == null ? single + " " + type : record.getQualifiedName().toString();
        Shape known = shapes.get(key);
        if (known != null) return known;
        Shape shape;
        String variable = "shape" + shapes.size();
        if (record != null) {
            shape = new Shape(variable, key, fields(record), false);
        } else if (single != null) {
            Field field = Field.of(single, type, element);
            // In a list or map there is no null.
            Field never = new Field(single, single, field.word(), false, false, null);
            shape = new Shape(variable, Field.boxed(Field.plain(type)), List.of(never), true);
        } else {
            throw new Mistake("`" + type + "` is no record, whose components would name the columns", element);
        }
        shapes.put(key, shape);
        return shape;
    }

    static TypeElement record(TypeMirror type) {
        if (type.getKind() != TypeKind.DECLARED) return null;
        TypeElement element = (TypeElement) ((DeclaredType) type).asElement();
        return element.getKind() == ElementKind.RECORD ? element : null;
    }

    private static List<Field> fields(TypeElement record) {
        if (record.getModifiers().contains(Modifier.PRIVATE)) {
            throw new Mistake("`" + record.getSimpleName() + "` is private: what reads columns must see it", record);
        }
        List<Field> fields = new ArrayList<>();
        for (RecordComponentElement component : record.getRecordComponents()) {
            String name = component.getSimpleName().toString();
            try {
                fields.add(Field.of(name, component.asType(), component));
            } catch (Mistake mistake) {
                // A component has no place in the source, its field has.
                for (Element field : record.getEnclosedElements()) {
                    if (field.getKind() == ElementKind.FIELD && field.getSimpleName().contentEquals(name)) throw new Mistake(mistake.getMessage(), field);
                }
                throw mistake;
            }
        }
        return fields;
    }

    /** The classes and the fields that hold one of each. */
    String source() {
        StringBuilder source = new StringBuilder();
        for (Shape shape : shapes.values()) {
            String of = Character.toUpperCase(shape.variable().charAt(0)) + shape.variable().substring(1);
            String reads = "";
            StringBuilder writes = new StringBuilder();
            for (int at = 0; at < shape.fields().size(); at++) {
                Field field = shape.fields().get(at);
                reads += (at == 0 ? "" : ", ") + field.read(at);
                writes.append("            ").append(field.write(at, shape.isSingle() ? "row" : "row." + field.name() + "()")).append('\n');
            }
            source.append("""

                    private static final class %1$s extends Shape<%2$s> {
                        @Override
                        public %2$s read(In in) {
                            return %3$s;
                        }

                        @Override
                        public void write(%2$s row, Out out) {
                %4$s        }
                    }

                    private final %1$s %5$s = new %1$s();
                """.formatted(
                    of, shape.type(), shape.isSingle() ? reads : "new " + shape.type() + "(" + reads + ")",
                    writes, shape.variable()));
        }
        return source.toString();
    }
}
