package pelton.guest.testing;

import java.util.List;
import java.util.OptionalLong;
import pelton.guest.Context;

/** The context of a test: random numbers are those that a module would draw for the same seed. */
final class TestContext implements Context {
    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    final long epoch;
    final long now;
    final long watermark;
    private final long seed;
    private final long firstRow;
    private List<?> rows = List.of();
    private long row;
    private long drawn;

    TestContext(long epoch, long now, long watermark, long seed, long firstRow) {
        this.epoch = epoch;
        this.now = now;
        this.watermark = watermark;
        this.seed = seed;
        this.firstRow = firstRow;
    }

    /** Speaks of rows of a key. */
    TestContext among(List<?> given) {
        rows = given;
        return at(0);
    }

    TestContext at(long to) {
        row = firstRow + to;
        drawn = 0;
        return this;
    }

    @Override
    public long epoch() {
        return epoch;
    }

    @Override
    public long now() {
        return now;
    }

    @Override
    public OptionalLong watermark() {
        return watermark == Long.MIN_VALUE ? OptionalLong.empty() : OptionalLong.of(watermark);
    }

    @Override
    public long row() {
        return row;
    }

    @Override
    public double random() {
        drawn++;
        long ofRow = mix(seed + mix(row + GOLDEN));
        return (mix(ofRow + drawn * GOLDEN) >>> 11) * 0x1.0p-53;
    }

    @Override
    public Context of(Object of) {
        return at(place(rows, of));
    }

    /** Where a row stands: the record itself, not one that is equal to it. */
    static int place(List<?> rows, Object row) {
        for (int at = 0; at < rows.size(); at++) if (rows.get(at) == row) return at;
        throw new IllegalArgumentException("the row is not one of those that this call was given for the key");
    }

    /** The finaliser of SplitMix64 (Steele, Lea and Flood, 2014). */
    private static long mix(long bits) {
        bits = (bits ^ (bits >>> 30)) * 0xbf58476d1ce4e5b9L;
        bits = (bits ^ (bits >>> 27)) * 0x94d049bb133111ebL;
        return bits ^ (bits >>> 31);
    }
}
