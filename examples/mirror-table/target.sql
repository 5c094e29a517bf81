-- The mirror: the columns that the job writes. Marks of rows that were deleted are rows here, too; `living` leaves them out.
CREATE TABLE items (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    note text,
    price numeric(12, 2),
    weight double precision,
    tags jsonb,
    deleted boolean NOT NULL,
    at timestamptz NOT NULL,
    version bigint NOT NULL
);
CREATE VIEW living AS SELECT * FROM items WHERE NOT deleted;
