package pelton.guest.js;

import org.teavm.jso.JSObject;
import pelton.guest.BooleanColumn;
import pelton.guest.BytesColumn;
import pelton.guest.DoubleColumn;
import pelton.guest.FloatColumn;
import pelton.guest.IntColumn;
import pelton.guest.LongColumn;
import pelton.guest.TextColumn;
import pelton.guest.spi.WholeColumns;

/** Columns as typed arrays, and of texts and bytes as lists. Those that are made are others when they grow. */
final class JsColumns extends WholeColumns {
    private final JSObject values;
    private final JSObject valid;

    /** {@code of} is a batch that is read, or an output. */
    JsColumns(JSObject of) {
        values = Js.field(of, "values");
        valid = Js.field(of, "valid");
    }

    private static <T> T there(T value) {
        if (value == null) throw new NullPointerException("a column that is made was set to null: `setNull` is for those that are `@Nullable`");
        return value;
    }

    @Override
    public DoubleColumn f64(int at) {
        return new DoubleColumn() {
            private final JSObject cells = Js.at(values, at);

            @Override
            public double get(int row) {
                return Js.number(cells, row);
            }

            @Override
            public void set(int row, double value) {
                Js.put(values, at, row, value);
            }

            @Override
            public boolean isNull(int row) {
                return Js.isNull(valid, at, row);
            }

            @Override
            public void setNull(int row) {
                Js.clear(valid, at, row);
            }
        };
    }

    @Override
    public FloatColumn f32(int at) {
        return new FloatColumn() {
            private final JSObject cells = Js.at(values, at);

            @Override
            public float get(int row) {
                return (float) Js.number(cells, row);
            }

            @Override
            public void set(int row, float value) {
                Js.put(values, at, row, value);
            }

            @Override
            public boolean isNull(int row) {
                return Js.isNull(valid, at, row);
            }

            @Override
            public void setNull(int row) {
                Js.clear(valid, at, row);
            }
        };
    }

    @Override
    public LongColumn i64(int at) {
        return new LongColumn() {
            private final JSObject cells = Js.at(values, at);

            @Override
            public long get(int row) {
                return Js.big(cells, row);
            }

            @Override
            public void set(int row, long value) {
                Js.put(values, at, row, value);
            }

            @Override
            public boolean isNull(int row) {
                return Js.isNull(valid, at, row);
            }

            @Override
            public void setNull(int row) {
                Js.clear(valid, at, row);
            }
        };
    }

    @Override
    public IntColumn i32(int at) {
        return new IntColumn() {
            private final JSObject cells = Js.at(values, at);

            @Override
            public int get(int row) {
                return Js.integer(cells, row);
            }

            @Override
            public void set(int row, int value) {
                Js.put(values, at, row, value);
            }

            @Override
            public boolean isNull(int row) {
                return Js.isNull(valid, at, row);
            }

            @Override
            public void setNull(int row) {
                Js.clear(valid, at, row);
            }
        };
    }

    @Override
    public BooleanColumn bool(int at) {
        return new BooleanColumn() {
            private final JSObject cells = Js.at(values, at);

            @Override
            public boolean get(int row) {
                return Js.isSet(cells, row);
            }

            @Override
            public void set(int row, boolean value) {
                Js.put(values, at, row, value ? 1 : 0);
            }

            @Override
            public boolean isNull(int row) {
                return Js.isNull(valid, at, row);
            }

            @Override
            public void setNull(int row) {
                Js.clear(valid, at, row);
            }
        };
    }

    @Override
    public TextColumn text(int at) {
        return new TextColumn() {
            private final JSObject cells = Js.at(values, at);

            @Override
            public String get(int row) {
                return Js.text(cells, row);
            }

            @Override
            public void set(int row, String value) {
                Js.put(values, at, row, there(value));
            }

            @Override
            public boolean isNull(int row) {
                return Js.isNull(valid, at, row);
            }

            @Override
            public void setNull(int row) {
                Js.clear(valid, at, row);
            }
        };
    }

    @Override
    public BytesColumn bytes(int at) {
        return new BytesColumn() {
            private final JSObject cells = Js.at(values, at);

            @Override
            public byte[] get(int row) {
                return Js.toJava(Js.bytes(cells, row));
            }

            @Override
            public void set(int row, byte[] value) {
                Js.put(values, at, row, Js.fromJava(there(value)));
            }

            @Override
            public boolean isNull(int row) {
                return Js.isNull(valid, at, row);
            }

            @Override
            public void setNull(int row) {
                Js.clear(valid, at, row);
            }
        };
    }
}
