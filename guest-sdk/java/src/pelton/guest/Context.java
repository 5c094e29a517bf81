package pelton.guest;

import java.util.OptionalLong;

/** What a method may know about the world besides its rows. Times are microseconds since 1970. */
public interface Context {
    /** The epoch that the row belongs to. */
    long epoch();

    /** The epoch's processing time: the only clock there is. */
    long now();

    /** No older event time is expected; empty until there is one. */
    OptionalLong watermark();

    /** The row's number: no other row of this operator's input has it, and a replay gives it again. */
    long row();

    /** A random number, 0 &lt;= x &lt; 1; another with each call, the same ones for the same row. */
    double random();

    /** In a keyed operator or cogroup: makes {@code row} and {@code random} speak of this one of the key's rows. */
    Context of(Object row);
}
