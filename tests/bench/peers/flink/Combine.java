import java.util.TreeMap;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Counts views by campaign and window before they are shuffled, as an expert would by hand and Flink SQL does by itself.
 *
 * <p>Invariant: what is counted leaves in front of every watermark and every checkpoint's barrier, so that there is no state to save and
 * no window closes without it.
 */
final class Combine extends AbstractStreamOperator<Tuple2<Integer, Long>> implements OneInputStreamOperator<Event, Tuple2<Integer, Long>> {
  private static final long WINDOW_MS = Views.WINDOW.toMillis();

  private final Advertisements ads;
  /** Counts of each campaign, by the start of their window. */
  private transient TreeMap<Long, long[]> windows;
  private transient long lastStart;
  private transient long[] last;

  Combine(Advertisements ads) {
    this.ads = ads;
  }

  @Override
  public void open() throws Exception {
    super.open();
    windows = new TreeMap<>();
  }

  @Override
  public void processElement(StreamRecord<Event> record) {
    Event event = record.getValue();
    if (!event.isView) {
      return;
    }
    int campaign = ads.campaign(event);
    if (campaign != Advertisements.NONE) {
      counts(event.ts - Math.floorMod(event.ts, WINDOW_MS))[campaign]++;
    }
  }

  private long[] counts(long start) {
    if (last == null || start != lastStart) {
      last = windows.computeIfAbsent(start, absent -> new long[ads.campaigns()]);
      lastStart = start;
    }
    return last;
  }

  @Override
  public void processWatermark(Watermark watermark) throws Exception {
    emit();
    super.processWatermark(watermark);
  }

  @Override
  public void prepareSnapshotPreBarrier(long checkpoint) {
    emit();
  }

  @Override
  public void finish() throws Exception {
    emit();
    super.finish();
  }

  private void emit() {
    windows.forEach(
        (start, counts) -> {
          for (int campaign = 0; campaign < counts.length; campaign++) {
            if (counts[campaign] > 0) {
              output.collect(new StreamRecord<>(Tuple2.of(campaign, counts[campaign]), start));
            }
          }
        });
    windows.clear();
    last = null;
  }
}
