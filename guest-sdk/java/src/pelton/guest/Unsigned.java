package pelton.guest;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * On a {@code byte}, {@code short}, {@code int} or {@code long} whose bits are a number without sign, {@code u8} to {@code u64}, as
 * {@link Integer#toUnsignedLong} and its like take it.
 */
@Target({ElementType.RECORD_COMPONENT, ElementType.PARAMETER, ElementType.FIELD, ElementType.TYPE_USE})
@Retention(RetentionPolicy.SOURCE)
public @interface Unsigned {}
