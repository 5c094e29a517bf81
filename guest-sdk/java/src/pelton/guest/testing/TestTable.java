package pelton.guest.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import pelton.guest.spi.Shape;

/** A list or map that a test keeps for a key. */
interface TestTable {
    /** Its elements, or entries. */
    List<?> shown();

    record OfList(Shape<?> shape, List<Cells> elements) implements TestTable {
        OfList(Shape<?> shape) {
            this(shape, new ArrayList<>());
        }

        @Override
        public List<?> shown() {
            List<Object> shown = new ArrayList<>();
            for (Cells element : elements) shown.add(element.read(shape));
            return shown;
        }
    }

    record OfMap(Shape<?> keys, Shape<?> values, TreeMap<Cells, Cells> entries) implements TestTable {
        OfMap(Shape<?> keys, Shape<?> values) {
            this(keys, values, new TreeMap<>());
        }

        @Override
        public List<?> shown() {
            List<Object> shown = new ArrayList<>();
            for (Map.Entry<Cells, Cells> entry : entries.entrySet()) shown.add(Map.entry(entry.getKey().read(keys), entry.getValue().read(values)));
            return shown;
        }
    }
}
