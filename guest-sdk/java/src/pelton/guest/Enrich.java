package pelton.guest;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A class that asks endpoints, by static methods with these names:
 *
 * <pre>{@code
 * static Request ask(Row row)                    // what to fetch for a row; null where it needs nothing
 * static Made answer(Row row, Reply reply)       // what becomes of the row: as of a transform; the reply is null where nothing was asked
 * }</pre>
 *
 * Both take the same record of columns, and may take a record with {@link Options} and a {@link Context}. The engine sends what is asked, each
 * different request of a batch once, and calls {@code answer} with the same rows. A row with a null where its record takes none is rejected, and
 * asks nothing.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.SOURCE)
public @interface Enrich {
    /** Which columns of the input leave besides those that are made: their names, or {@link Pass#ALL} or {@link Pass#NONE}. */
    String[] passes() default Pass.ALL;

    /** Columns that do not leave. */
    String[] drop() default {};

    Rename[] rename() default {};

    /** The column that is the output's event time, if it is not the input's. */
    String eventTime() default "";
}
