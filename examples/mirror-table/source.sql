-- The table that is mirrored. What its mirror needs of it is a key, a number that grows with each change of a row, and the transaction that changed it last.
CREATE TABLE items (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    note text,
    price numeric(12, 2),
    weight double precision,
    tags jsonb,
    deleted boolean NOT NULL DEFAULT false,
    at timestamptz NOT NULL DEFAULT now(),
    version bigint NOT NULL DEFAULT 1,
    changed xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX ON items (changed);

CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.changed := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER stamp BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION stamp();

-- A row that is deleted stays as a mark, or nobody could say to the mirror that it is gone.
CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE items SET deleted = true WHERE id = OLD.id AND NOT deleted;
    RETURN NULL;
END $$;
CREATE TRIGGER mark BEFORE DELETE ON items FOR EACH ROW EXECUTE FUNCTION mark();
