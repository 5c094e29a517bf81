package pelton.guest.processor;

import javax.lang.model.element.Element;

/** What is wrong with an operator, and where: the compiler tells the author. */
final class Mistake extends RuntimeException {
    private static final long serialVersionUID = 1;

    final transient Element element;

    Mistake(String what, Element element) {
        super(what);
        this.element = element;
    }
}
