package pelton.guest;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A static method beside a {@link Keyed} one that makes what a version of the module before this one kept for a key into what this one keeps: it
 * takes a record of that and returns the state now, or null to drop it. A {@link Reject} says that state cannot be taken over.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.SOURCE)
public @interface Migrate {
    /** The version that kept it. The first version of a module is 1; there is a method for each before this one. */
    int value() default 1;
}
