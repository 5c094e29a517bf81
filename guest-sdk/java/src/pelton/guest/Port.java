package pelton.guest;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * An output, on a record that a sealed interface permits. The first record that it permits is the main output; a job reads the others as
 * {@code operator.name}. Without this a record's output has its name, with a small letter.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.SOURCE)
public @interface Port {
    /** The output's name, if it is not the record's. */
    String value() default "";

    /** With {@code drop} and {@code rename} in the place of what the operator says. */
    String[] passes() default {};

    String[] drop() default {};

    Rename[] rename() default {};

    /** The column that is the output's event time, if it is not the input's. */
    String eventTime() default "";
}
