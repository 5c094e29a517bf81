import java.io.IOException;
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
 * The expert's source: chunks of bytes, parsed digit by digit into one bid that is used again for every row. It knows
 * these files and no others (no quotes, unsigned numbers), and is restored from a checkpoint at a byte offset.
 */
final class BidFormat implements BulkFormat<Bid, FileSourceSplit> {
  private static final int CHUNK_BYTES = 1 << 20;
  private static final int CHUNKS = 3;
  private static final double[] POWERS_OF_TEN = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

  @Override
  public Reader createReader(Configuration configuration, FileSourceSplit split) throws IOException {
    return new Reader(split.path(), 0);
  }

  @Override
  public Reader restoreReader(Configuration configuration, FileSourceSplit split) throws IOException {
    return new Reader(split.path(), split.getReaderPosition().map(CheckpointedPosition::getOffset).orElse(0L));
  }

  @Override
  public boolean isSplittable() {
    return false;
  }

  @Override
  public TypeInformation<Bid> getProducedType() {
    return TypeInformation.of(Bid.class);
  }

  /** Fills chunks with whole rows; what follows the last newline goes to the front of the next chunk. */
  static final class Reader implements BulkFormat.Reader<Bid> {
    private final FSDataInputStream file;
    private final Pool<Chunk> free = new Pool<>(CHUNKS);
    private byte[] carried = new byte[0];
    private long offset;
    private boolean ended;

    Reader(Path path, long offset) throws IOException {
      this.file = path.getFileSystem().open(path);
      this.file.seek(offset);
      this.offset = offset;
      for (int i = 0; i < CHUNKS; i++) {
        free.add(new Chunk(free.recycler()));
      }
    }

    @Override
    public RecordIterator<Bid> readBatch() throws IOException {
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
      while (filled < bytes.length) {
        int read = file.read(bytes, filled, bytes.length - filled);
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

  /** Whole rows, handed out one by one in the same bid. */
  private static final class Chunk implements RecordIterator<Bid> {
    private final byte[] bytes = new byte[CHUNK_BYTES];
    private final Bid bid = new Bid();
    private final MutableRecordAndPosition<Bid> record = new MutableRecordAndPosition<>();
    private final Pool.Recycler<Chunk> recycler;
    private int at;
    private int end;
    private long offset;

    Chunk(Pool.Recycler<Chunk> recycler) {
      this.recycler = recycler;
    }

    void begin(int end, long offset) {
      this.at = 0;
      this.end = end;
      this.offset = offset;
    }

    @Override
    public RecordAndPosition<Bid> next() {
      if (at >= end) {
        return null;
      }
      at = parse(bytes, at, bid);
      record.set(bid, offset + at, 0);
      return record;
    }

    @Override
    public void releaseBatch() {
      recycler.recycle(this);
    }
  }

  /** Reads the row at {@code at}; answers with where the next one begins. */
  private static int parse(byte[] bytes, int at, Bid bid) {
    byte digit;
    long number = 0;
    while ((digit = bytes[at++]) != ',') {
      number = number * 10 + digit - '0';
    }
    bid.auction = number;
    number = 0;
    while ((digit = bytes[at++]) != ',') {
      number = number * 10 + digit - '0';
    }
    bid.bidder = number;
    number = 0;
    int point = at;
    while ((digit = bytes[at++]) != ',') {
      if (digit == '.') {
        point = at;
      } else {
        number = number * 10 + digit - '0';
      }
    }
    bid.price = number / POWERS_OF_TEN[at - 1 - point];
    while (bytes[at++] != ',') {}
    number = 0;
    while ((digit = bytes[at++]) != ',') {
      number = number * 10 + digit - '0';
    }
    bid.ts = number;
    while (bytes[at++] != '\n') {}
    return at;
  }
}
