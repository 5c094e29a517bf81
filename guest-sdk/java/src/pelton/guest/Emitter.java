package pelton.guest;

/** Takes the rows that are made. Their key columns are the engine's to fill in. */
public interface Emitter<M> {
    /** Emits a row; of a keyed operator without event time, and with nulls in columns that pass beside the key. */
    void emit(M made);

    /** Emits a row with the event time and columns of {@code of}, one of the key's rows. */
    void emit(M made, Object of);

    /** Rejects one of the key's rows. The first reason counts. */
    void reject(Object row, String reason);
}
