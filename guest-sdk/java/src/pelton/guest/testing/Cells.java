package pelton.guest.testing;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import pelton.guest.spi.In;
import pelton.guest.spi.Out;
import pelton.guest.spi.Shape;

/** A row as the engine keeps it: its cells, which can be read again, and have the order of subkeys. */
final class Cells extends Out implements Comparable<Cells> {
    private final List<Object> cells = new ArrayList<>();

    static <T> Cells of(Shape<T> shape, T row) {
        Cells cells = new Cells();
        shape.write(row, cells);
        return cells;
    }

    /** The row that was written. */
    <T> T read(Shape<T> shape) {
        return shape.read(new Reader());
    }

    private void add(Object cell) {
        cells.add(cell);
    }

    @Override
    public void nothing(int at) {
        add(null);
    }

    @Override
    public void bool(int at, boolean value) {
        add(value);
    }

    @Override
    public void i32(int at, int value) {
        add((long) value);
    }

    @Override
    public void u32(int at, int value) {
        add(Integer.toUnsignedLong(value));
    }

    @Override
    public void i64(int at, long value) {
        add(value);
    }

    @Override
    public void u64(int at, long value) {
        add(new Unsigned(value));
    }

    @Override
    public void f32(int at, float value) {
        add(value);
    }

    @Override
    public void f64(int at, double value) {
        add(value);
    }

    @Override
    public void text(int at, String value) {
        add(there(at, value));
    }

    @Override
    public void bytes(int at, byte[] value) {
        add(new Bytes(there(at, value).clone()));
    }

    private static <T> T there(int at, T value) {
        if (value == null) throw new NullPointerException("component " + at + " of what was made is null, and not `@Nullable`");
        return value;
    }

    private record Unsigned(long bits) {}

    private record Bytes(byte[] bytes) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Bytes of && Arrays.equals(bytes, of.bytes);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(bytes);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Cells of && cells.equals(of.cells);
    }

    @Override
    public int hashCode() {
        return cells.hashCode();
    }

    @Override
    public String toString() {
        return cells.toString();
    }

    @Override
    public int compareTo(Cells other) {
        for (int at = 0; at < cells.size(); at++) {
            int order = compare(cells.get(at), other.cells.get(at));
            if (order != 0) return order;
        }
        return 0;
    }

    private static int compare(Object left, Object right) {
        if (left instanceof Long of) return of.compareTo((Long) right);
        if (left instanceof Boolean of) return of.compareTo((Boolean) right);
        if (left instanceof Unsigned of) return Long.compareUnsigned(of.bits, ((Unsigned) right).bits);
        if (left instanceof Bytes of) return Arrays.compareUnsigned(of.bytes, ((Bytes) right).bytes);
        if (left instanceof String of) return Arrays.compare(of.codePoints().toArray(), ((String) right).codePoints().toArray());
        throw new IllegalArgumentException("a subkey has neither floats nor nulls, but `" + left + "` is one");
    }

    private final class Reader extends In {
        @Override
        public boolean isNull(int at) {
            return cells.get(at) == null;
        }

        @Override
        public boolean bool(int at) {
            return (Boolean) cells.get(at);
        }

        @Override
        public int i32(int at) {
            return ((Long) cells.get(at)).intValue();
        }

        @Override
        public long i64(int at) {
            return cells.get(at) instanceof Unsigned of ? of.bits : (Long) cells.get(at);
        }

        @Override
        public float f32(int at) {
            return (Float) cells.get(at);
        }

        @Override
        public double f64(int at) {
            return (Double) cells.get(at);
        }

        @Override
        public String text(int at) {
            return (String) cells.get(at);
        }

        @Override
        public byte[] bytes(int at) {
            return ((Bytes) cells.get(at)).bytes.clone();
        }
    }
}
