package pelton.guest.testing;

import pelton.guest.spi.In;

/** The options of a test that gives none. */
final class NoOptions extends In {
    private static IllegalStateException missing() {
        return new IllegalStateException("the operator has options: give them by `.options(…)`");
    }

    @Override
    public boolean isNull(int at) {
        throw missing();
    }

    @Override
    public boolean bool(int at) {
        throw missing();
    }

    @Override
    public int i32(int at) {
        throw missing();
    }

    @Override
    public long i64(int at) {
        throw missing();
    }

    @Override
    public float f32(int at) {
        throw missing();
    }

    @Override
    public double f64(int at) {
        throw missing();
    }

    @Override
    public String text(int at) {
        throw missing();
    }

    @Override
    public byte[] bytes(int at) {
        throw missing();
    }
}
