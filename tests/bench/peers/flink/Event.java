import java.nio.charset.StandardCharsets;

/** An event, as far as the query reads it. Its advertisement lies in the bytes that the event came in, which are valid until the next. */
public class Event {
  public byte[] bytes;
  public int adFrom;
  public int adTo;
  public boolean isView;
  /** Milliseconds since 1970. */
  public long ts;

  void setAd(String ad) {
    bytes = ad.getBytes(StandardCharsets.UTF_8);
    adFrom = 0;
    adTo = bytes.length;
  }
}
