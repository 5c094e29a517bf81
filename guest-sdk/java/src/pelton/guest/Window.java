package pelton.guest;

/**
 * The window of a result, in microseconds since 1970: its first moment, and the first after it. Without windows it is all of time.
 */
public record Window(@Timestamp long start, @Timestamp long end, Pane pane) {
    /** {@code EARLY}: a later result replaces it; {@code LATE}: again, because late rows came. */
    public enum Pane { EARLY, ON_TIME, LATE }
}
