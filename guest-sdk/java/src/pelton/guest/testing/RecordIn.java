package pelton.guest.testing;

import java.lang.reflect.RecordComponent;
import pelton.guest.spi.In;

/** A record of a test, read as a row of columns. */
final class RecordIn extends In {
    private final Object record;
    private final RecordComponent[] components;

    RecordIn(Object record) {
        if (!record.getClass().isRecord()) throw new IllegalArgumentException("a row of a test is a record, not a `" + record.getClass().getSimpleName() + "`");
        this.record = record;
        components = record.getClass().getRecordComponents();
    }

    private Object value(int at) {
        try {
            components[at].getAccessor().setAccessible(true);
            return components[at].getAccessor().invoke(record);
        } catch (ReflectiveOperationException failed) {
            throw new IllegalStateException("`" + components[at].getName() + "` cannot be read", failed);
        }
    }

    private Object there(int at) {
        Object value = value(at);
        if (value == null) throw new NullColumn(components[at].getName());
        return value;
    }

    @Override
    public boolean isNull(int at) {
        return value(at) == null;
    }

    @Override
    public boolean bool(int at) {
        return (Boolean) there(at);
    }

    @Override
    public int i32(int at) {
        return ((Number) there(at)).intValue();
    }

    @Override
    public long i64(int at) {
        return ((Number) there(at)).longValue();
    }

    @Override
    public float f32(int at) {
        return ((Number) there(at)).floatValue();
    }

    @Override
    public double f64(int at) {
        return ((Number) there(at)).doubleValue();
    }

    @Override
    public String text(int at) {
        return (String) there(at);
    }

    @Override
    public byte[] bytes(int at) {
        return ((byte[]) there(at)).clone();
    }
}
