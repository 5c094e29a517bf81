package pelton.guest;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A static method that is called for each key with its rows on two inputs. Its parameters: a {@code List} of records for the left, after it one
 * for the right, and in any order those of the others that it needs: a record of columns of the key, an {@link Emitter}, a record with
 * {@link Options}, a {@link Context}.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.SOURCE)
public @interface Cogroup {
    /** Of the inputs the columns of the key leave, by their names on the left, and no others can. */
    String[] drop() default {};

    Rename[] rename() default {};

    /** The column that is the output's event time, if it has one. */
    String eventTime() default "";
}
