package pelton.guest;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A static method that is called for each key that has rows, a timer that is due, or has come to the end of its time to live. Its parameters,
 * in any order, those that it needs: a record of columns of the key, a {@code List} of records that are the key's rows, {@link State},
 * {@link Timers}, an {@link Emitter} of what it makes, {@link ListState} and {@link MapState} (whose tables have the names of the parameters), a
 * record with {@link Options}, a {@link Context}.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.SOURCE)
public @interface Keyed {
    /** Which columns of the input leave besides those that are made. */
    String[] passes() default Pass.KEY;

    String[] drop() default {};

    Rename[] rename() default {};

    /** The column that is the output's event time, if it is not the input's. */
    String eventTime() default "";
}
