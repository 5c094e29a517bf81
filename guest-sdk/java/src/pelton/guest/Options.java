package pelton.guest;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** The options that a job gives, on a record: one for each component, with a {@link Default} or to be given, unless it may be null. */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.SOURCE)
public @interface Options {}
