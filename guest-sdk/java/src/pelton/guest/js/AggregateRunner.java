package pelton.guest.js;

import org.teavm.jso.JSObject;
import pelton.guest.Reject;
import pelton.guest.Window;
import pelton.guest.spi.AggregateOperator;

/** An aggregate, called by `java/aggregate.ts`. What is kept comes and goes as columns in which every row may be null: one that is stands for nothing. */
public final class AggregateRunner {
    private AggregateRunner() {}

    /** Folds rows into their groups, or takes them back. */
    public static <S> void fold(AggregateOperator<S> operator, boolean takesBack, JSObject batch, int rows, JSObject slots, JSObject kept, int groups, int columns, JSObject made) {
        Object[] states = load(operator, kept, groups, columns);
        ColumnsIn in = new ColumnsIn(batch);
        JsContext context = new JsContext(Js.field(batch, "context"), RowObjects.NONE);
        JSObject refused = Js.field(batch, "refused");
        for (int row = 0; row < rows; row++) {
            if (refused != null && Js.isSet(refused, row)) continue;
            in.row = row;
            context.at(row);
            int slot = Js.index(slots, row);
            states[slot] = takesBack ? operator.retract(of(states[slot]), in, context) : operator.add(of(states[slot]), in, context);
        }
        store(operator, states, made);
    }

    public static <S> void merge(AggregateOperator<S> operator, JSObject left, JSObject right, int groups, int columns, JSObject made) {
        Object[] states = load(operator, left, groups, columns);
        Object[] later = load(operator, right, groups, columns);
        for (int group = 0; group < groups; group++) states[group] = operator.merge(of(states[group]), of(later[group]));
        store(operator, states, made);
    }

    public static <S> void finish(AggregateOperator<S> operator, JSObject call, JSObject kept, int groups, int columns) {
        Object[] states = load(operator, kept, groups, columns);
        ColumnsSink sink = new ColumnsSink(Js.field(call, "outputs"));
        JSObject start = Js.field(call, "start");
        JSObject end = Js.field(call, "end");
        JSObject panes = Js.field(call, "panes");
        Window.Pane[] known = Window.Pane.values();
        for (int group = 0; group < groups; group++) {
            sink.number = group;
            Window window = new Window(Js.long64(start, group), Js.long64(end, group), known[Js.index(panes, group)]);
            try {
                operator.finish(of(states[group]), window, sink);
            } catch (Reject reject) {
                Js.reject(Js.field(call, "rejected"), group, String.valueOf(reject.getMessage()));
            }
        }
        sink.end();
    }

    /** What `zero()` comes to, for a look at its nulls. */
    public static <S> void zero(AggregateOperator<S> operator, JSObject made) {
        store(operator, new Object[] {operator.zero()}, made);
    }

    private static <S> Object[] load(AggregateOperator<S> operator, JSObject kept, int groups, int columns) {
        ColumnsIn in = new ColumnsIn(kept);
        Object[] states = new Object[groups];
        for (int group = 0; group < groups; group++) {
            in.row = group;
            states[group] = in.isNothing(columns) ? operator.zero() : operator.state().read(in);
        }
        return states;
    }

    private static <S> void store(AggregateOperator<S> operator, Object[] states, JSObject made) {
        ColumnsOut out = new ColumnsOut(made);
        for (int group = 0; group < states.length; group++) {
            out.next(group);
            if (states[group] == null) throw new NullPointerException("what is kept is null: `zero`, `add` and `merge` return a record");
            operator.state().write(of(states[group]), out);
        }
        out.end();
    }

    @SuppressWarnings("unchecked")
    private static <S> S of(Object state) {
        return (S) state;
    }
}
