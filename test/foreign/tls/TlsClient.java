import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.List;
import java.util.stream.Collectors;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Arguments: OPERATION, 1 or 2 (the version of HTTP), URL, CA, and the PKCS #12 file of a client certificate or ''. */
public class TlsClient {
  static HttpClient client;
  static HttpClient.Version version;
  static URI url;

  public static void main(String[] args) throws Exception {
    version = args[1].equals("2") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1;
    url = URI.create(args[2]);
    client = HttpClient.newBuilder().version(version).sslContext(contextOf(args[3], args[4])).build();
    switch (args[0]) {
      case "get":
        equal(get(), "hello");
        break;
      case "post":
        equal(post(), "sent");
        break;
      case "twice":
        equal(get(), "hello");
        equal(get(), "hello");
        break;
      case "events":
        HttpRequest asking = HttpRequest.newBuilder(url.resolve("/echo/events")).build();
        List<String> lines = checked(client.send(asking, BodyHandlers.ofLines()))
            .filter(line -> !line.isEmpty()).collect(Collectors.toList());
        equal(String.join(" ", lines), "data: 1 data: 2 data: 3");
        break;
      default:
        throw new Exception("no operation " + args[0]);
    }
    // Its threads go on otherwise.
    System.exit(0);
  }

  static SSLContext contextOf(String ca, String pkcs12) throws Exception {
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    try (FileInputStream in = new FileInputStream(ca)) {
      trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(trusted);
    KeyManagerFactory keys = null;
    if (!pkcs12.isEmpty()) {
      KeyStore own = KeyStore.getInstance("PKCS12");
      try (FileInputStream in = new FileInputStream(pkcs12)) {
        own.load(in, "test".toCharArray());
      }
      keys = KeyManagerFactory.getInstance("PKIX");
      keys.init(own, "test".toCharArray());
    }
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys == null ? null : keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  static String get() throws Exception {
    return checked(client.send(HttpRequest.newBuilder(url.resolve("/echo/x")).build(), BodyHandlers.ofString()));
  }

  static String post() throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(url.resolve("/echo/x")).POST(BodyPublishers.ofString("sent")).build();
    return checked(client.send(request, BodyHandlers.ofString()));
  }

  static <T> T checked(HttpResponse<T> response) throws Exception {
    equal(response.version().toString(), version.toString());
    equal(String.valueOf(response.statusCode()), "200");
    return response.body();
  }

  static void equal(String found, String wanted) throws Exception {
    if (!found.equals(wanted)) throw new Exception(found + " is not " + wanted);
  }
}
