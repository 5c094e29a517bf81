import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.src.FileSourceSplit;
import org.apache.flink.connector.file.src.reader.BulkFormat;
import org.apache.flink.connector.file.src.util.CheckpointedPosition;
import org.apache.flink.connector.file.src.util.MutableRecordAndPosition;
import org.apache.flink.connector.file.src.util.Pool;
import org.apache.flink.connector.file.src.util.RecordAndPosition;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.Path;

/**
 * The expert's source: chunks of bytes, parsed in place into one object that is used again for every row, and restored from a
 * checkpoint at a byte offset. What a line holds is up to the class that extends it; a process has one of them, so that its parser is
 * compiled into the loop.
 */
abstract class LineFormat<T> implements BulkFormat<T, FileSourceSplit> {
  /** Parsers may look this far behind the end of a line. */
  static final int PADDING_BYTES = 8;

  /** Eight bytes of an array, the first one lowest. */
  static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private static final long EACH_LOW_BIT = 0x0101010101010101L;
  private static final long EACH_HIGH_BIT = 0x8080808080808080L;
  private static final int CHUNK_BYTES = 1 << 20;
  private static final int CHUNKS = 3;

  private final Class<T> type;

  LineFormat(Class<T> type) {
    this.type = type;
  }

  /** An object for rows of this file. */
  abstract T row(Path path);

  /** Reads the line at {@code at} into {@code row}, which is valid until the next one; answers with where the next one begins. */
  abstract int parse(byte[] bytes, int at, T row);

  /** Where {@code wanted} is next, eight bytes at a time by the carry of a subtraction (Mycroft): the lowest byte that is found is right. */
  static int find(byte[] bytes, int at, char wanted) {
    long pattern = EACH_LOW_BIT * wanted;
    while (true) {
      long differing = (long) LONGS.get(bytes, at) ^ pattern;
      long found = (differing - EACH_LOW_BIT) & ~differing & EACH_HIGH_BIT;
      if (found != 0) {
        return at + (Long.numberOfTrailingZeros(found) >>> 3);
      }
      at += Long.BYTES;
    }
  }

  @Override
  public Reader<T> createReader(Configuration configuration, FileSourceSplit split) throws IOException {
    return open(split.path(), 0);
  }

  @Override
  public Reader<T> restoreReader(Configuration configuration, FileSourceSplit split) throws IOException {
    return open(split.path(), split.getReaderPosition().map(CheckpointedPosition::getOffset).orElse(0L));
  }

  @Override
  public boolean isSplittable() {
    return false;
  }

  @Override
  public TypeInformation<T> getProducedType() {
    return TypeInformation.of(type);
  }

  private Reader<T> open(Path path, long offset) throws IOException {
    LineReader reader = new LineReader(path, offset);
    for (int i = 0; i < CHUNKS; i++) {
      reader.free.add(new Chunk(row(path), reader.free.recycler()));
    }
    return reader;
  }

  /** Fills chunks with whole lines; what follows the last newline goes to the front of the next chunk. */
  private final class LineReader implements Reader<T> {
    private final FSDataInputStream file;
    private final Pool<Chunk> free = new Pool<>(CHUNKS);
    private byte[] carried = new byte[0];
    private long offset;
    private boolean ended;

    LineReader(Path path, long offset) throws IOException {
      this.file = path.getFileSystem().open(path);
      this.file.seek(offset);
      this.offset = offset;
    }

    @Override
    public RecordIterator<T> readBatch() throws IOException {
      if (ended) {
        return null;
      }
      Chunk chunk = free();
      int filled = fill(chunk.bytes);
      int whole = filled;
      while (whole > 0 && chunk.bytes[whole - 1] != '\n') {
        whole--;
      }
      carried = java.util.Arrays.copyOfRange(chunk.bytes, whole, filled);
      if (ended && carried.length > 0 || !ended && whole == 0) {
        throw new IOException("a row is cut off or too long");
      }
      chunk.begin(whole, offset);
      offset += whole;
      return chunk;
    }

    private int fill(byte[] bytes) throws IOException {
      System.arraycopy(carried, 0, bytes, 0, carried.length);
      int filled = carried.length;
      while (filled < CHUNK_BYTES) {
        int read = file.read(bytes, filled, CHUNK_BYTES - filled);
        if (read < 0) {
          ended = true;
          break;
        }
        filled += read;
      }
      return filled;
    }

    private Chunk free() throws IOException {
      try {
        return free.pollEntry();
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        throw new IOException(interrupted);
      }
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }

  /** Whole lines, handed out one by one in the same object. */
  private final class Chunk implements RecordIterator<T> {
    private final byte[] bytes = new byte[CHUNK_BYTES + PADDING_BYTES];
    private final T row;
    private final MutableRecordAndPosition<T> record = new MutableRecordAndPosition<>();
    private final Pool.Recycler<Chunk> recycler;
    private int at;
    private int end;
    private long offset;

    Chunk(T row, Pool.Recycler<Chunk> recycler) {
      this.row = row;
      this.recycler = recycler;
    }

    void begin(int end, long offset) {
      this.at = 0;
      this.end = end;
      this.offset = offset;
    }

    @Override
    public RecordAndPosition<T> next() {
      if (at >= end) {
        return null;
      }
      at = parse(bytes, at, row);
      record.set(row, offset + at, 0);
      return record;
    }

    @Override
    public void releaseBatch() {
      recycler.recycle(this);
    }
  }
}
