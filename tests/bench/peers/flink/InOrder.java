import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.apache.flink.connector.file.src.FileSourceSplit;
import org.apache.flink.connector.file.src.assigners.FileSplitAssigner;

/**
 * Hands out files in the order of their names. Flink's own assigners keep no order: a reader would run ahead in event time,
 * and the rows of files that come after would be late and lost.
 */
final class InOrder implements FileSplitAssigner {
  private final List<FileSourceSplit> splits = new ArrayList<>();

  InOrder(Collection<FileSourceSplit> splits) {
    addSplits(splits);
  }

  @Override
  public Optional<FileSourceSplit> getNext(String hostname) {
    return splits.isEmpty() ? Optional.empty() : Optional.of(splits.remove(0));
  }

  @Override
  public void addSplits(Collection<FileSourceSplit> more) {
    splits.addAll(more);
    splits.sort(Comparator.comparing((FileSourceSplit split) -> split.path().toString()).thenComparingLong(FileSourceSplit::offset));
  }

  @Override
  public Collection<FileSourceSplit> remainingSplits() {
    return new ArrayList<>(splits);
  }
}
