package pelton.guest;

/** A column that leaves by another name. */
public @interface Rename {
    String from();

    String to();
}
