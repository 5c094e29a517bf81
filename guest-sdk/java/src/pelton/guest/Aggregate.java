package pelton.guest;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A class that folds rows, by static methods with these names:
 *
 * <pre>{@code
 * static State zero()                            // what is kept of no rows
 * static State add(State state, Row row)         // and, if it needs them, options and a Context
 * static State retract(State state, Row row)     // if it is there: takes a row back, exactly
 * static State merge(State state, State later)   // and options
 * static Made finish(State state)                // and options and a Window; null for no result, a List of results, or a Reject
 * }</pre>
 *
 * What is kept of each group is a record. A row with a null where its record takes none is left out.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.SOURCE)
public @interface Aggregate {
    /** Whether {@code merge} needs to know which side is earlier. */
    boolean ordered() default false;
}
