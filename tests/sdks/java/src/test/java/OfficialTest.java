import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.azure.kusto.data.Client;
import com.microsoft.azure.kusto.data.ClientFactory;
import com.microsoft.azure.kusto.data.ClientRequestProperties;
import com.microsoft.azure.kusto.data.KustoResultSetTable;
import com.microsoft.azure.kusto.data.StreamingClient;
import com.microsoft.azure.kusto.data.auth.ConnectionStringBuilder;
import com.microsoft.azure.kusto.data.exceptions.DataServiceException;
import com.microsoft.azure.kusto.ingest.ColumnMapping;
import com.microsoft.azure.kusto.ingest.IngestClient;
import com.microsoft.azure.kusto.ingest.IngestClientFactory;
import com.microsoft.azure.kusto.ingest.IngestionMapping.IngestionMappingKind;
import com.microsoft.azure.kusto.ingest.IngestionProperties;
import com.microsoft.azure.kusto.ingest.IngestionProperties.DataFormat;
import com.microsoft.azure.kusto.ingest.IngestionProperties.IngestionReportLevel;
import com.microsoft.azure.kusto.ingest.IngestionProperties.IngestionReportMethod;
import com.microsoft.azure.kusto.ingest.QueuedIngestClient;
import com.microsoft.azure.kusto.ingest.exceptions.IngestionServiceException;
import com.microsoft.azure.kusto.ingest.result.IngestionResult;
import com.microsoft.azure.kusto.ingest.result.IngestionStatus;
import com.microsoft.azure.kusto.ingest.result.OperationStatus;
import com.microsoft.azure.kusto.ingest.source.BlobSourceInfo;
import com.microsoft.azure.kusto.ingest.source.CompressionType;
import com.microsoft.azure.kusto.ingest.source.FileSourceInfo;
import com.microsoft.azure.kusto.ingest.source.StreamSourceInfo;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Microsoft's own Java SDK, unmodified, connected to the emulator that {@code cargo xtask test java-sdk} has started:
 * nothing in here is ours but the assertions.
 */
class OfficialTest {
    /** Far more than the emulator's batching time; only a lost message waits this long. */
    private static final Duration PATIENCE = Duration.ofMinutes(1);

    private static final String ENGINE = System.getenv("KUSTO_TEST_ENGINE");
    private static final String DATABASE = System.getenv("KUSTO_TEST_DATABASE");
    private static final String TABLE = "Java_" + UUID.randomUUID().toString().replace("-", "");

    private static Client engine;
    private static StreamingClient streaming;
    private static QueuedIngestClient ingest;
    private static IngestClient streamingIngest;
    private static IngestClient managed;

    @TempDir
    private Path directory;

    @BeforeAll
    static void connect() throws Exception {
        engine = ClientFactory.createClient(login(ENGINE));
        streaming = ClientFactory.createStreamingClient(login(ENGINE));
        // Otherwise the SDK puts "ingest-" before an address.
        String management = System.getenv("KUSTO_TEST_DATA_MANAGEMENT");
        ingest = IngestClientFactory.createClient(login(management), null, false);
        streamingIngest = IngestClientFactory.createStreamingIngestClient(login(ENGINE), null, false);
        managed = IngestClientFactory.createManagedStreamingIngestClient(login(management), login(ENGINE), null, false);
        engine.executeMgmt(DATABASE, ".create table " + TABLE
                + " (Id:long, Text:string, Bag:dynamic, At:datetime, Span:timespan, Flag:bool, Ratio:real, Key:guid)");
        engine.executeMgmt(DATABASE, ".alter table " + TABLE + " policy streamingingestion enable");
    }

    @AfterAll
    static void close() throws Exception {
        engine.executeMgmt(DATABASE, ".drop table " + TABLE);
        ingest.close();
        streamingIngest.close();
        managed.close();
    }

    private static ConnectionStringBuilder login(String address) {
        return ConnectionStringBuilder.createWithAadAccessTokenAuthentication(address, "token");
    }

    private static IngestionProperties properties() {
        return properties(TABLE);
    }

    private static IngestionProperties properties(String table) {
        IngestionProperties properties = new IngestionProperties(DATABASE, table);
        properties.setDataFormat(DataFormat.CSV);
        properties.setFlushImmediately(true);
        return properties;
    }

    private static StreamSourceInfo stream(String text) {
        return new StreamSourceInfo(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
    }

    private FileSourceInfo file(String name, byte[] content) throws IOException {
        return new FileSourceInfo(Files.write(directory.resolve(name), content).toString());
    }

    private static byte[] packed(String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
            gzip.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }

    private static KustoResultSetTable query(String text) throws Exception {
        return engine.executeQuery(DATABASE, text).getPrimaryResults();
    }

    /** The first row. */
    private static KustoResultSetTable one(String text) throws Exception {
        KustoResultSetTable rows = query(text);
        assertTrue(rows.next(), text);
        return rows;
    }

    /** Waits until this many rows of the table match. */
    private static void arrive(String filter, long count) throws Exception {
        Instant end = Instant.now().plus(PATIENCE);
        while (true) {
            long found = one(TABLE + " | where " + filter + " | summarize n = count()").getLong("n");
            if (found >= count) {
                assertEquals(count, found, filter);
                return;
            }
            assertTrue(Instant.now().isBefore(end), filter + ": " + found + " of " + count + " rows arrived");
            Thread.sleep(100);
        }
    }

    @Test
    void csvFile() throws Exception {
        ingest.ingestFromFile(file("größe 温度.csv", "100,größe\n101,温度\n".getBytes(StandardCharsets.UTF_8)), properties());
        arrive("Id between (100 .. 101)", 2);
        assertEquals("温度", one(TABLE + " | where Id == 101 | project Text").getString("Text"));
    }

    @Test
    void gzipFile() throws Exception {
        ingest.ingestFromFile(file("packed.csv.gz", packed("200,a\n201,b\n")), properties());
        arrive("Id between (200 .. 201)", 2);
    }

    @Test
    void bigFile() throws Exception {
        Random random = new Random(1);
        StringBuilder lines = new StringBuilder();
        for (int id = 1_000_000; id < 1_090_000; id++) {
            lines.append(id).append(',').append("x".repeat(80)).append(random.nextLong()).append('\n');
        }
        ingest.ingestFromFile(file("big.csv", lines.toString().getBytes(StandardCharsets.UTF_8)), properties());
        arrive("Id >= 1000000", 90_000);
    }

    @Test
    void jsonStreamWithInlineMapping() throws Exception {
        ColumnMapping id = new ColumnMapping("Id", "long");
        id.setPath("$.id");
        ColumnMapping bag = new ColumnMapping("Bag", "dynamic");
        bag.setPath("$.inner");
        IngestionProperties properties = properties();
        properties.setDataFormat(DataFormat.JSON);
        properties.setIngestionMapping(new ColumnMapping[] {id, bag}, IngestionMappingKind.JSON);
        ingest.ingestFromStream(stream("{\"id\":300,\"inner\":{\"text\":\"ü\"}}\n{\"id\":301,\"inner\":{}}\n"), properties);
        arrive("Id between (300 .. 301)", 2);
        assertEquals("ü", one(TABLE + " | where Id == 300 | project Text = tostring(Bag.text)").getString("Text"));
    }

    @Test
    void gzipStreamWithMappingByName() throws Exception {
        String mapping = "[{\"column\":\"Id\",\"Properties\":{\"Ordinal\":\"1\"}}]";
        engine.executeMgmt(DATABASE, ".create table " + TABLE + " ingestion csv mapping 'second' '" + mapping + "'");
        IngestionProperties properties = properties();
        properties.setIngestionMapping("second", IngestionMappingKind.CSV);
        StreamSourceInfo source = new StreamSourceInfo(new ByteArrayInputStream(packed("x,400\n")), false, null, CompressionType.gz);
        ingest.ingestFromStream(source, properties);
        arrive("Id == 400", 1);
    }

    @Test
    void blob() throws Exception {
        IngestionProperties properties = properties();
        properties.setIgnoreFirstRecord(true);
        ingest.ingestFromBlob(new BlobSourceInfo(upload("skipped\n500\n")), properties);
        arrive("Id == 500", 1);
    }

    /** Makes a csv blob; gives its address with access. */
    private static String upload(String content) throws Exception {
        HttpClient http = HttpClient.newHttpClient();
        URI resources = URI.create(ENGINE.replaceAll("/$", "") + "/emulator/v1/resources");
        String answer = http.send(HttpRequest.newBuilder(resources).build(), BodyHandlers.ofString()).body();
        Matcher container = Pattern.compile("\"containers\":\\[\"([^?]*)\\?([^\"]*)\"").matcher(answer);
        assertTrue(container.find(), answer);
        String blob = container.group(1) + "/" + UUID.randomUUID() + ".csv?" + container.group(2);
        HttpRequest put = HttpRequest.newBuilder(URI.create(blob))
                .header("x-ms-blob-type", "BlockBlob")
                .PUT(HttpRequest.BodyPublishers.ofString(content))
                .build();
        assertEquals(201, http.send(put, BodyHandlers.discarding()).statusCode());
        return blob;
    }

    @Test
    void streamingClientStreams() throws Exception {
        streams(streamingIngest, 900);
    }

    @Test
    void managedClientStreams() throws Exception {
        streams(managed, 910);
    }

    /** What is streamed is there when the call returns. */
    private void streams(IngestClient client, int first) throws Exception {
        IngestionResult result = client.ingestFromStream(stream(first + ",a\n"), properties());
        assertEquals(OperationStatus.Succeeded, result.getIngestionStatusCollection().get(0).status);
        client.ingestFromFile(file(first + ".csv.gz", packed((first + 1) + ",b\n")), properties());
        client.ingestFromBlob(new BlobSourceInfo(upload((first + 2) + ",c\n")), properties());
        String text = TABLE + " | where Id between (" + first + " .. " + (first + 2) + ") | summarize n = count()";
        assertEquals(3, one(text).getLong("n"));
    }

    @Test
    void tableWithoutPolicyRefusesAStream() throws Exception {
        String table = TABLE + "_queued";
        engine.executeMgmt(DATABASE, ".create table " + table + " (Id:long)");
        assertThrows(
                IngestionServiceException.class, () -> streamingIngest.ingestFromStream(stream("1\n"), properties(table)));
        assertEquals(0, one(table + " | summarize n = count()").getLong("n"));
        engine.executeMgmt(DATABASE, ".drop table " + table);
    }

    @Test
    void managedClientQueuesWhatIsTooLarge() throws Exception {
        IngestionResult result = managed.ingestFromStream(stream(("920," + "x".repeat(1000) + "\n").repeat(12_000)), properties());
        assertEquals(OperationStatus.Queued, result.getIngestionStatusCollection().get(0).status);
        arrive("Id == 920", 12_000);
    }

    @Test
    void tagKeepsDataFromArrivingTwice() throws Exception {
        IngestionProperties once = properties();
        once.setIngestByTags(List.of("batch-1"));
        once.setIngestIfNotExists(List.of("batch-1"));
        ingest.ingestFromStream(stream("600,a\n"), once);
        arrive("Id == 600", 1);
        ingest.ingestFromStream(stream("600,a\n"), once);
        ingest.ingestFromStream(stream("601,a\n"), properties());
        arrive("Id == 601", 1);
        arrive("Id == 600", 1);
    }

    @Test
    void reportToTheQueue() throws Exception {
        IngestionProperties properties = reporting(properties(), IngestionReportMethod.QUEUE);
        StreamSourceInfo source = stream("700,a\n");
        source.setSourceId(UUID.randomUUID());
        IngestionResult result = ingest.ingestFromStream(source, properties);
        assertEquals(OperationStatus.Queued, result.getIngestionStatusCollection().get(0).status);
        arrive("Id == 700", 1);
        assertTrue(report(source.getSourceId()).contains("\"Table\":\"" + TABLE + "\""));
    }

    /** The report on a source. This SDK has no reader of the status queues. */
    private static String report(UUID source) throws Exception {
        List<URI> queues = new ArrayList<>();
        String management = System.getenv("KUSTO_TEST_DATA_MANAGEMENT");
        Client client = ClientFactory.createClient(login(management));
        KustoResultSetTable resources = client.executeMgmt(".get ingestion resources").getPrimaryResults();
        while (resources.next()) {
            if (resources.getString("ResourceTypeName").equals("SuccessfulIngestionsQueue")) {
                String address = resources.getString("StorageRoot");
                queues.add(URI.create(address.replace("?", "/messages?peekonly=true&numofmessages=32&")));
            }
        }
        HttpClient http = HttpClient.newHttpClient();
        Pattern message = Pattern.compile("<MessageText>([^<]*)</MessageText>");
        Instant end = Instant.now().plus(PATIENCE);
        while (Instant.now().isBefore(end)) {
            for (URI queue : queues) {
                HttpRequest peek = HttpRequest.newBuilder(queue).header("x-ms-version", "2021-12-02").build();
                Matcher found = message.matcher(http.send(peek, BodyHandlers.ofString()).body());
                while (found.find()) {
                    String text = new String(Base64.getDecoder().decode(found.group(1)), StandardCharsets.UTF_8);
                    if (text.contains(source.toString())) {
                        return text;
                    }
                }
            }
            Thread.sleep(100);
        }
        throw new AssertionError("there is no report on " + source);
    }

    @Test
    void statusTable() throws Exception {
        IngestionStatus succeeded = ended(ingest.ingestFromStream(
                stream("800,a\n"), reporting(properties(), IngestionReportMethod.TABLE)));
        assertEquals(OperationStatus.Succeeded, succeeded.status);
        IngestionStatus failed = ended(ingest.ingestFromStream(
                stream("1\n"), reporting(properties("Nowhere"), IngestionReportMethod.TABLE)));
        assertEquals(OperationStatus.Failed, failed.status);
        assertEquals("BadRequest_TableNotExist", failed.getErrorCode());
    }

    private static IngestionProperties reporting(IngestionProperties properties, IngestionReportMethod method) {
        properties.setReportLevel(IngestionReportLevel.FAILURES_AND_SUCCESSES);
        properties.setReportMethod(method);
        return properties;
    }

    private static IngestionStatus ended(IngestionResult result) throws Exception {
        Instant end = Instant.now().plus(PATIENCE);
        while (true) {
            IngestionStatus status = result.getIngestionStatusCollection().get(0);
            if (status.status != OperationStatus.Pending) {
                return status;
            }
            assertTrue(Instant.now().isBefore(end), "still pending");
            Thread.sleep(100);
        }
    }

    @Test
    void everyType() throws Exception {
        KustoResultSetTable row = one("print Id = 9223372036854775807, Text = 'é', Bag = dynamic({'a': [1, null]}), "
                + "At = datetime(2024-02-29T01:02:03.5Z), Span = time(1.02:03:04.5), Flag = true, Ratio = 0.5, "
                + "Small = int(7), Exact = decimal(1.25), Key = guid(7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001), "
                + "Nothing = long(null)");
        assertEquals(Long.MAX_VALUE, row.getLong("Id"));
        assertEquals("é", row.getString("Text"));
        assertEquals("{\"a\":[1,null]}", row.getJSONObject("Bag").toString());
        assertEquals("2024-02-29T01:02:03.500", row.getKustoDateTime("At").toString());
        assertEquals("1.02:03:04.5000000", row.getString("Span"));
        assertTrue(row.getBoolean("Flag"));
        assertEquals(0.5, row.getDouble("Ratio"));
        assertEquals(7, row.getInt("Small"));
        assertEquals("1.25", row.getBigDecimal("Exact").toString());
        assertEquals("7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001", row.getUUID("Key").toString());
        assertEquals(null, row.getObject("Nothing"));
    }

    @Test
    void parametersAndOptions() throws Exception {
        ClientRequestProperties request = new ClientRequestProperties();
        request.setParameter("wanted", "a'b");
        request.setTimeoutInMilliSec(60_000L);
        String text = "declare query_parameters(wanted: string); print found = wanted";
        KustoResultSetTable rows = engine.executeQuery(DATABASE, text, request).getPrimaryResults();
        assertTrue(rows.next());
        assertEquals("a'b", rows.getString("found"));
    }

    @Test
    void progressiveFrames() throws Exception {
        ClientRequestProperties request = new ClientRequestProperties();
        request.setOption("results_progressive_enabled", true);
        String text = "range x from 1 to 5000 step 1";
        assertEquals(5000, engine.executeQuery(DATABASE, text, request).getPrimaryResults().count());
    }

    @Test
    void jsonOfAnAnswer() throws Exception {
        String answer = engine.executeToJsonResult(DATABASE, "print x = 1", new ClientRequestProperties());
        assertTrue(answer.contains("DataSetHeader"), answer);
    }

    @Test
    void streamingQuery() throws Exception {
        String text = "range x from 1 to 5000 step 1";
        try (var answer = streaming.executeStreamingQuery(DATABASE, text)) {
            String read = new String(answer.readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(read.contains("[5000]"), read.substring(0, 200));
        }
    }

    @Test
    void wrongQueryIsAnError() {
        Exception error = assertThrows(DataServiceException.class, () -> query(TABLE + " | where NoSuchColumn == 1"));
        assertTrue(error.getMessage().contains("NoSuchColumn"), error.getMessage());
    }
}
