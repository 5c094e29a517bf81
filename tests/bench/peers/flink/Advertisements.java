import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The table that views are joined with: of which campaign an advertisement is. A side map that every subtask has, looked up by the
 * bytes of an event without making text of them.
 *
 * <p>Invariant: slots are at most a quarter full, so that a look-up ends at a free one.
 */
final class Advertisements implements Serializable {
  static final int NONE = -1;

  private final byte[][] ads;
  private final int[] campaignOf;
  private final String[] campaigns;

  private Advertisements(int slots, List<String> campaigns) {
    this.ads = new byte[slots][];
    this.campaignOf = new int[slots];
    this.campaigns = campaigns.toArray(String[]::new);
  }

  /** From CSV with a header: advertisement, campaign. */
  static Advertisements read(Path path) throws IOException {
    List<String[]> rows = Files.readAllLines(path).stream().skip(1).map(line -> line.split(",")).toList();
    List<String> campaigns = new ArrayList<>(rows.stream().map(row -> row[1]).distinct().toList());
    Advertisements table = new Advertisements(Integer.highestOneBit(rows.size()) * 8, campaigns);
    for (String[] row : rows) {
      byte[] ad = row[0].getBytes(StandardCharsets.UTF_8);
      int slot = table.slot(ad, 0, ad.length);
      table.ads[slot] = ad;
      table.campaignOf[slot] = campaigns.indexOf(row[1]);
    }
    return table;
  }

  int campaigns() {
    return campaigns.length;
  }

  String name(int campaign) {
    return campaigns[campaign];
  }

  /** The number of an event's campaign, or {@link #NONE}. */
  int campaign(Event event) {
    int slot = slot(event.bytes, event.adFrom, event.adTo);
    return ads[slot] == null ? NONE : campaignOf[slot];
  }

  /** Where this advertisement is, or would be. */
  private int slot(byte[] bytes, int from, int to) {
    int hash = 0;
    for (int at = from; at < to; at++) {
      hash = hash * 31 + bytes[at];
    }
    int mask = ads.length - 1;
    int slot = (hash ^ hash >>> 15) & mask;
    while (ads[slot] != null && !Arrays.equals(ads[slot], 0, ads[slot].length, bytes, from, to)) {
      slot = slot + 1 & mask;
    }
    return slot;
  }
}
