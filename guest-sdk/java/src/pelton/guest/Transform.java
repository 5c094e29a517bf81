package pelton.guest;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A static method that is called for each row: its first parameter is a record of the columns that it reads, its result says what leaves.
 *
 * <table><caption>What it may return</caption>
 * <tr><td>a record</td><td>of the columns that it makes: a map; {@code null} leaves the row out</td></tr>
 * <tr><td>{@code boolean}</td><td>a filter</td></tr>
 * <tr><td>a {@code List} or {@code Stream} of records</td><td>a flat-map</td></tr>
 * <tr><td>a sealed interface of records</td><td>several outputs, one for each record: see {@link Port}</td></tr>
 * </table>
 *
 * A {@link Reject} that it throws sends the row to {@code operator.rejected}. Other parameters, in any order: a record with {@link Options},
 * a {@link Context}, and what a {@link Lookup} made.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.SOURCE)
public @interface Transform {
    /** Which columns of the input leave besides those that are made: their names, or {@link Pass#ALL} or {@link Pass#NONE}. */
    String[] passes() default Pass.ALL;

    /** Columns that do not leave. */
    String[] drop() default {};

    Rename[] rename() default {};

    /** The column that is the output's event time, if it is not the input's. */
    String eventTime() default "";
}
