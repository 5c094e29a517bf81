import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.ZoneOffset;
import org.apache.flink.core.fs.Path;

/**
 * Events from lines of JSON, scanned eight bytes at a time for the quotes that end values. It knows these files and no others: seven
 * fields of text in this order, no spaces, nothing escaped.
 *
 * <p>A number and a dash in front of a file's name are milliseconds by which its events are later than they say, so that files may be
 * read again as if they were the ones that follow.
 */
final class EventFormat extends LineFormat<Event> {
  /** From where the value before ends to where the field's own begins. */
  private static final int USER_ID = "{\"user_id\":\"".length();
  private static final int PAGE_ID = "\",\"page_id\":\"".length();
  private static final int AD_ID = "\",\"ad_id\":\"".length();
  private static final int AD_TYPE = "\",\"ad_type\":\"".length();
  private static final int EVENT_TYPE = "\",\"event_type\":\"".length();
  private static final int EVENT_TIME = "\",\"event_time\":\"".length();
  private static final int DATE = "2026-03-02".length();
  /** {@code view"}, in the low five bytes of eight. */
  private static final long VIEW = 0x2277656976L;
  private static final long FIVE_BYTES = 0xFFFFFFFFFFL;

  EventFormat() {
    super(Event.class);
  }

  @Override
  Event row(Path path) {
    Scanned event = new Scanned();
    event.laterMs = laterMs(path.getName());
    return event;
  }

  static long laterMs(String name) {
    int dash = name.indexOf('-');
    boolean isNumber = dash > 0 && name.chars().limit(dash).allMatch(Character::isDigit);
    return isNumber ? Long.parseLong(name, 0, dash, 10) : 0;
  }

  @Override
  int parse(byte[] bytes, int at, Event event) {
    Scanned scanned = (Scanned) event;
    int userEnd = find(bytes, at + USER_ID, '"');
    int pageEnd = find(bytes, userEnd + PAGE_ID, '"');
    int adFrom = pageEnd + AD_ID;
    int adTo = find(bytes, adFrom, '"');
    int adTypeEnd = find(bytes, adTo + AD_TYPE, '"');
    int typeFrom = adTypeEnd + EVENT_TYPE;
    int typeEnd = find(bytes, typeFrom, '"');
    event.bytes = bytes;
    event.adFrom = adFrom;
    event.adTo = adTo;
    event.isView = ((long) LONGS.get(bytes, typeFrom) & FIVE_BYTES) == VIEW;
    int timeFrom = typeEnd + EVENT_TIME;
    event.ts = scanned.time(bytes, timeFrom) + scanned.laterMs;
    return find(bytes, timeFrom + DATE, '\n') + 1;
  }

  /** An event of a file, with the day that times were last of. */
  private static final class Scanned extends Event {
    private long laterMs;
    private long dayStart;
    private long dayHead;
    private int dayTail = -1;

    /** Of a time such as {@code 2026-03-02T12:00:00.065}; milliseconds may be missing, and microseconds may follow. */
    long time(byte[] bytes, int at) {
      // The date is ten bytes: eight and two.
      long head = (long) LONGS.get(bytes, at);
      int tail = bytes[at + 8] << 8 | bytes[at + 9];
      if (head != dayHead || tail != dayTail) {
        dayHead = head;
        dayTail = tail;
        String date = new String(bytes, at, DATE, StandardCharsets.US_ASCII);
        dayStart = LocalDate.parse(date).atStartOfDay(ZoneOffset.UTC).toInstant().toEpochMilli();
      }
      long seconds = 3_600 * two(bytes, at + 11) + 60 * two(bytes, at + 14) + two(bytes, at + 17);
      long fraction = bytes[at + 19] == '.' ? two(bytes, at + 20) * 10 + bytes[at + 22] - '0' : 0;
      return dayStart + seconds * 1_000 + fraction;
    }

    private static long two(byte[] bytes, int at) {
      return bytes[at] * 10 + bytes[at + 1] - '0' * 11;
    }
  }
}
