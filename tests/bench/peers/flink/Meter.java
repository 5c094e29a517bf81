import java.lang.management.ManagementFactory;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

/**
 * Measures a job while it runs: Flink hands it the sources' counters of rows, and it notes wall and CPU time when their sum
 * passes a mark. So the time between two marks is steady work: neither the start of the job, nor the
 * compiler warming up, nor a last reader that works alone is in it.
 *
 * <p>Loaded by Flink through META-INF/services as the metrics reporter {@code meter}.
 */
public final class Meter implements MetricReporter, MetricReporterFactory {
  private static final long LOOK_EVERY_MS = 2;
  private static final Map<Counter, Boolean> SOURCES = new ConcurrentHashMap<>();

  /** A moment: rows read so far, and the process's times. */
  record Mark(long rows, long wallNanos, long cpuNanos) {
    static Mark now() {
      return new Mark(rowsRead(), System.nanoTime(), system().getProcessCpuTime());
    }

    /** What passed since {@code begin}, as members of a JSON object. */
    String since(Mark begin) {
      return String.format(
          Locale.ROOT,
          "\"measured_rows\": %d, \"wall_seconds\": %.6f, \"cpu_seconds\": %.6f",
          rows - begin.rows, (wallNanos - begin.wallNanos) / 1e9, (cpuNanos - begin.cpuNanos) / 1e9);
    }
  }

  /** Waits until {@code rows} have been read. */
  static Mark await(long rows) throws InterruptedException {
    while (rowsRead() < rows) {
      Thread.sleep(LOOK_EVERY_MS);
    }
    return Mark.now();
  }

  private static long rowsRead() {
    return SOURCES.keySet().stream().mapToLong(Counter::getCount).sum();
  }

  private static com.sun.management.OperatingSystemMXBean system() {
    return (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  }

  @Override
  public MetricReporter createMetricReporter(java.util.Properties properties) {
    return new Meter();
  }

  @Override
  public void open(MetricConfig config) {}

  @Override
  public void close() {}

  @Override
  public void notifyOfAddedMetric(Metric metric, String name, MetricGroup group) {
    String operator = group.getAllVariables().get("<operator_name>");
    if (metric instanceof Counter counter && name.equals("numRecordsIn") && operator != null && operator.startsWith("Source: ")) {
      SOURCES.put(counter, true);
    }
  }

  /** Counters stay, so that rows of a reader that has finished are not forgotten. */
  @Override
  public void notifyOfRemovedMetric(Metric metric, String name, MetricGroup group) {}
}
