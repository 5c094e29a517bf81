import java.nio.charset.StandardCharsets;
import org.apache.flink.core.fs.Path;

/** Lines of text, for those who parse them behind the source; read again as {@link EventFormat} does. */
final class TextFormat extends LineFormat<TextFormat.Line> {
  /** A line without its end. */
  public static class Line {
    public String text;
    /** Milliseconds to add to its time. */
    public long laterMs;
  }

  TextFormat() {
    super(Line.class);
  }

  @Override
  Line row(Path path) {
    Line line = new Line();
    line.laterMs = EventFormat.laterMs(path.getName());
    return line;
  }

  @Override
  int parse(byte[] bytes, int at, Line line) {
    int end = find(bytes, at, '\n');
    line.text = new String(bytes, at, end - at, StandardCharsets.UTF_8);
    return end + 1;
  }
}
