package pelton.guest;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A static method that makes of the rows of a side table what rows are looked up in; a parameter of the {@link Transform} with the method's name
 * takes it. It is called before the first rows, in every instance, and again when the table has changed.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.SOURCE)
public @interface Lookup {
    /** The table's name, if it is not the method's. */
    String value() default "";
}
